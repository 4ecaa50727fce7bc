"""docs/errors.md: every code that a client can meet, from the classes that raise them."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from audit.errors import Problem
from keyexchange.errors import CLOSE_CODES, ERROR_FRAMES

ROOMS = ("hvx", "devices", "accounts", "activitypub", "keyexchange", "vault", "audit")

_HEAD = """\
# Error codes

Written by `python manage.py errors_page > docs/errors.md`; a test holds this page and the code together.

Every refusal over HTTP is an RFC 9457 document, `application/problem+json`:

```json
{
  "type": "about:blank",
  "title": "Some fields are missing or wrong",
  "status": 422,
  "detail": "Some fields are missing or wrong",
  "code": "invalid_fields",
  "errors": {"device.name": ["This field is required."]}
}
```

Go by `code`, which stays; `title` and `detail` are for people and may change. `errors` names fields,
with a dot before the members of a field, and `body` for the whole. A 401 carries `WWW-Authenticate`,
a 429 and a 503 that will pass carry `Retry-After`. Any call may answer `sealed`,
`audit_unavailable`, `storage_unavailable` or `server_error`.
"""


def problems() -> list[type[Problem]]:
    """Every kind of problem of the rooms, without those that are only the base of others."""
    for room in ROOMS:
        for module in (f"{room}.errors", f"{room}.problems"):
            if find_spec(module) is not None:
                import_module(module)
    found = {
        problem.code: problem
        for problem in _below(Problem)
        if problem.__module__.partition(".")[0] in ROOMS
        and all(other.code == problem.code for other in _below(problem))
    }
    return [found[code] for code in sorted(found)]


def _below(problem: type[Problem]) -> Iterator[type[Problem]]:
    for other in problem.__subclasses__():
        yield other
        yield from _below(other)


def page() -> str:
    """The whole of docs/errors.md."""
    return "\n".join(
        [
            _HEAD,
            "## Over HTTP\n",
            "| code | status | what it says |\n| --- | --- | --- |",
            *(f"| `{one.code}` | {one.status} | {one.title.rstrip('.')} |" for one in problems()),
            "\n## In `error` frames of the socket\n",
            "The socket stays open and the exchange is as it was.\n",
            "| code | what it says |\n| --- | --- |",
            *(f"| `{code}` | {sentence} |" for code, sentence in sorted(ERROR_FRAMES.items())),
            "\n## When a socket is closed\n",
            "| close code | why |\n| --- | --- |",
            *(f"| {number} | {sentence} |" for number, sentence in sorted(CLOSE_CODES.items())),
            "",
        ]
    )
