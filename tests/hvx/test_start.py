"""What must hold before a server serves."""

from typing import Any

import pytest
from django.core.checks import registry
from django.core.management.base import SystemCheckError

from hvx import start


def test_no_check_is_left_out_for_want_of_a_tag() -> None:
    assert [check for check in registry.registry.get_checks() if not check.tags] == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("HVX_WORKERS", 0, "hvx.E001"),
        ("HVX_REGISTRATION", "sometimes", "hvx.E003"),
        ("HVX_LISTEN", "localhost", "hvx.E004"),
    ],
)
def test_settings_that_cannot_work_stop_the_start(settings: Any, name: str, value: object, code: str) -> None:
    setattr(settings, name, value)
    with pytest.raises(SystemCheckError, match=code):
        start.require_settings()
