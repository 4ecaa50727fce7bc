"""An operator at the administration's pages, by the forms that a browser would send."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.test import Client, TestCase

from accounts.services import operators

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass
class Desk:
    """A browser, signed in once `sign_in` was called. Its forms carry the token of the page before."""

    name: str = "ida"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.client = Client(
            enforce_csrf_checks=True, raise_request_exception=False, REMOTE_ADDR=self.address
        )
        self.token = ""

    def hire(self) -> "Desk":
        operators.add(self.name, self.password)
        return self

    def sign_in(self, name: str | None = None, password: str | None = None, **more: str) -> Any:
        self.get("/admin/login/")
        typed = {"username": self.name if name is None else name, "password": password or self.password}
        return self.post("/admin/login/", {**typed, **more})

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        self._keep(answer)
        return answer

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, origin: str = "", token: str = ""
    ) -> Any:
        fields = {"csrfmiddlewaretoken": token or self.token, **(data or {})}
        with TestCase.captureOnCommitCallbacks(execute=True):
            answer = self.client.post(
                path,
                fields,
                HTTP_ORIGIN=origin or settings.HVX_ORIGIN,
                HTTP_HOST=settings.HVX_HOST,
            )
        self._keep(answer)
        return answer

    def act(self, path: str) -> str:
        """Ask for an act, confirm it, and return what the page after it says."""
        asked = self.get(path)
        assert asked.status_code == 200, asked.status_code
        done = self.post(path)
        assert done.status_code == 302, done.status_code
        after = self.get(done["Location"])
        assert after.status_code == 200, after.status_code
        return said(after)

    def _keep(self, answer: Any) -> None:
        if answer["Content-Type"].startswith("text/html") and (found := _TOKEN.search(text(answer))):
            self.token = found[1]


def text(answer: Any) -> str:
    """The page."""
    return str(answer.content.decode())


def said(answer: Any) -> str:
    """What it tells of the act before."""
    return " ".join(re.findall(r'<li class="(?:success|warning|error)">(.*?)</li>', text(answer), re.DOTALL))
