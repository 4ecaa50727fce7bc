"""Links, generated parts and the settings table of the documents: `python -m scripts.docs_check [--write]`.

A generated part stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`; `--write` makes it anew.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hvx import socket_reference
from keyexchange.protocol import diagram

REPOSITORY = Path(__file__).resolve().parent.parent
OPERATIONS = REPOSITORY / "docs" / "operations.md"
SETTINGS = REPOSITORY / "hvx" / "settings.py"

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PART = re.compile(r"(<!-- begin: (\w+) -->\n)(.*?)(<!-- end: \2 -->)", re.DOTALL)
_SETTING_ROW = re.compile(r"^\| `(HVX_\w+)` \| (.*?) \|", re.MULTILINE)

GENERATED: Mapping[str, Callable[[], str]] = {
    "states": lambda: f"```mermaid\n{diagram.mermaid()}\n```",
    "limits": lambda: "\n".join(f"- {limit}" for limit in socket_reference.LIMITS),
    "frames": socket_reference.markdown,
}


def documents() -> list[Path]:
    """Every Markdown file of the repository itself."""
    return sorted(
        [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("deploy/**/*.md")]
    )


def refreshed(text: str) -> str:
    """The text with its generated parts made anew."""
    return _PART.sub(
        lambda part: f"{part[1]}{GENERATED[part[2]]()}\n{part[4]}" if part[2] in GENERATED else part[0], text
    )


def anchors(text: str) -> set[str]:
    """What a link may name behind the #, as forges make it from headings."""
    headings = _HEADING.findall(_FENCE.sub("", text))
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def broken_links(document: Path) -> Iterator[str]:
    """Links to files or headings that are not there; addresses elsewhere are not followed."""
    for link in _LINK.findall(_FENCE.sub("", document.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            yield link


def settings_read() -> dict[str, str | None]:
    """Each HVX_ variable that hvx/settings.py reads; its default as text, None where it is computed."""
    found: dict[str, str | None] = {}
    for node in ast.walk(ast.parse(SETTINGS.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "env"
        ):
            name, default = node.args[0], node.args[1]
            if isinstance(name, ast.Constant):
                found[str(name.value)] = _text(default)
    return found


def _text(default: ast.expr) -> str | None:
    try:
        value = ast.literal_eval(default)
    except ValueError:
        return None
    text = ",".join(value) if isinstance(value, list) else str(value)
    return f"`{text}`" if text else ""


def settings_described() -> dict[str, str]:
    """Each setting in the table of docs/operations.md, with its default."""
    return dict(_SETTING_ROW.findall(OPERATIONS.read_text()))


def settings_faults() -> Iterator[str]:
    read, described = settings_read(), settings_described()
    for name in sorted(read.keys() ^ described.keys()):
        yield f"{name} is {'not described' if name in read else 'described, but nothing reads it'}"
    for name in sorted(read.keys() & described.keys()):
        default = read[name]
        if default is not None and default != described[name]:
            yield f"{name}: the default is {default or 'empty'}, not {described[name] or 'empty'}"


def faults() -> Iterator[str]:
    """Everything that is wrong, one sentence each."""
    for document in documents():
        name = document.relative_to(REPOSITORY)
        text = document.read_text()
        if refreshed(text) != text:
            yield f"{name}: a generated part is stale; run python -m scripts.docs_check --write"
        for link in broken_links(document):
            yield f"{name}: {link} leads nowhere"
    for fault in settings_faults():
        yield f"docs/operations.md: {fault}"


def main() -> int:
    if "--write" in sys.argv[1:]:
        for document in documents():
            text = document.read_text()
            fresh = refreshed(text)
            if fresh != text:
                document.write_text(fresh)
    found = list(faults())
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
