"""Whether an actor's address is read by a program or by a person (RFC 9110 §12.5.1)."""

from enum import Enum

ACTIVITY = "application/activity+json"
LINKED_DATA = "application/ld+json"
PROFILE = "https://www.w3.org/ns/activitystreams"
HTML = "text/html"

# Of a longer header the rest is not read: no browser and no server sends as much.
_MAX_HEADER = 2000
_NAMED, _KIND, _ANY = 2, 1, 0


class Form(Enum):
    DOCUMENT = "document"
    PAGE = "page"


def wanted(accept: str) -> Form | None:
    """Return what an Accept header asks for, None if neither is welcome.

    The higher q wins. Of two that are alike the document wins where it is asked for by name, as no browser
    does, and else the page: `*/*` is what link previews and people with curl send.
    """
    document, page = _welcome(accept or "*/*")
    if not document[0] and not page[0]:
        return None
    if document[0] == page[0]:
        return Form.DOCUMENT if document[1] > _ANY else Form.PAGE
    return Form.DOCUMENT if document[0] > page[0] else Form.PAGE


def _welcome(accept: str) -> tuple[tuple[float, int], tuple[float, int]]:
    """How welcome document and page are: q, and how exactly they are named."""
    document: dict[int, float] = {}
    page: dict[int, float] = {}
    for media_range in accept[:_MAX_HEADER].split(","):
        name, parameters = _read(media_range)
        quality = _quality(parameters.get("q", "1"))
        match name:
            case "*/*":
                _better(document, _ANY, quality)
                _better(page, _ANY, quality)
            case "application/*":
                _better(document, _KIND, quality)
            case "text/*":
                _better(page, _KIND, quality)
            case "text/html" | "application/xhtml+xml":
                _better(page, _NAMED, quality)
            case "application/activity+json" | "application/json":
                _better(document, _NAMED, quality)
            case "application/ld+json" if _is_ours(parameters.get("profile", PROFILE)):
                _better(document, _NAMED, quality)
    return _most_exact(document), _most_exact(page)


def _better(found: dict[int, float], exactness: int, quality: float) -> None:
    found[exactness] = max(quality, found.get(exactness, 0.0))


def _most_exact(found: dict[int, float]) -> tuple[float, int]:
    """A range that names the type goes before one that only includes it, whatever the other's q."""
    exactness = max(found, default=_ANY)
    return found.get(exactness, 0.0), exactness


def _read(media_range: str) -> tuple[str, dict[str, str]]:
    name, *rest = media_range.split(";")
    pairs = (parameter.partition("=") for parameter in rest)
    parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return name.strip().lower(), parameters


def _is_ours(profiles: str) -> bool:
    """`profile` holds one or several, divided by spaces."""
    return PROFILE in profiles.split()


def _quality(text: str) -> float:
    """A weight that cannot be read is none: such a range is not welcome."""
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
