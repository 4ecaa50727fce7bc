"""What Django shows of an exception: its kind and the places it passed, whatever DEBUG says.

Its own report shows every local variable, the settings, the request and the exception's text. A key may be
in any of them.
"""

import traceback
from collections.abc import ItemsView
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter


class NothingIsSafe(SafeExceptionReporterFilter):
    """For whatever asks the filter: no setting, header, parameter or variable passes it."""

    def get_safe_settings(self) -> dict[str, Any]:
        return {}

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {}

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> ItemsView[str, Any]:
        return {}.items()


class Places(ExceptionReporter):
    """The report itself, as text and as a page."""

    def get_traceback_text(self) -> SafeString:
        places = traceback.extract_tb(self.tb)
        lines = [f"{place.filename}:{place.lineno} {place.name}" for place in places]
        kind = self.exc_type.__qualname__ if self.exc_type is not None else "no exception"
        return SafeString("\n".join([kind, *lines, ""]))

    def get_traceback_html(self) -> SafeString:
        text = str(self.get_traceback_text())
        return format_html("<!doctype html><title>Failed</title><pre>{}</pre>", text)
