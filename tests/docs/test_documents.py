"""The documents say what the code does: links, generated parts, settings, and examples that run."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from scripts import docs_check
from tests.docs import transcript
from tests.live import REPOSITORY, LiveServer

README = (REPOSITORY / "README.md").read_text()
PATIENCE_SECONDS = 120


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[a](#a-heading) [b](#no-heading) [c](page.md#a-heading) [d](nowhere.md)\n")
    assert list(docs_check.broken_links(page)) == ["#no-heading", "nowhere.md"]


def test_a_stale_part_is_found() -> None:
    stale = "<!-- begin: limits -->\nNo limits.\n<!-- end: limits -->\n"
    assert docs_check.refreshed(stale) != stale
    assert docs_check.refreshed(docs_check.refreshed(stale)) == docs_check.refreshed(stale)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("HVX_LISTEN", "| `HVX_LISTEN` | `127.0.0.1:8000` |", "| `HVX_LISTEN` | `127.0.0.1:9000` |"),
        ("HVX_WORKERS", "| `HVX_WORKERS` | `1` |", "| workers | 1 |"),
    ],
)
def test_a_setting_that_is_described_wrongly_is_found(
    name: str, right: str, wrong: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = docs_check.OPERATIONS.read_text()
    assert right in page
    monkeypatch.setattr(docs_check, "OPERATIONS", tmp_path / "operations.md")
    docs_check.OPERATIONS.write_text(page.replace(right, wrong))
    assert [found for found in docs_check.settings_faults() if name in found]


@pytest.mark.parametrize("document", docs_check.documents(), ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert list(docs_check.broken_links(document)) == []


@pytest.mark.parametrize("document", docs_check.documents(), ids=lambda path: path.name)
def test_every_generated_part_is_what_the_code_says_now(document: Path) -> None:
    text = document.read_text()
    assert docs_check.refreshed(text) == text


def test_every_generated_part_stands_in_some_document() -> None:
    text = "".join(document.read_text() for document in docs_check.documents())
    assert set(docs_check.GENERATED) <= set(re.findall(r"<!-- begin: (\w+)", text))


def test_the_settings_table_is_what_the_settings_read() -> None:
    assert len(docs_check.settings_read()) > 10
    assert list(docs_check.settings_faults()) == []


def test_every_decision_is_listed() -> None:
    folder = REPOSITORY / "docs" / "decisions"
    listed = (folder / "README.md").read_text()
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert records
    assert [name for name in records if f"({name})" not in listed] == []
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))


def test_every_document_is_listed() -> None:
    listed = (REPOSITORY / "docs" / "README.md").read_text()
    pages = {path.name for path in (REPOSITORY / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in listed} == set()


ROOMS = ("audit", "vault", "devices", "accounts", "activitypub", "storage", "keyexchange", "hvx", "client")
# The same in every room, and described once.
COMMON = {
    *("__init__.py", "__main__.py", "apps.py", "models.py", "services.py", "queries.py", "views.py"),
    *("serializers.py", "errors.py", "urls.py", "migrations/", "management/", "__pycache__/"),
}


@pytest.mark.parametrize("room", ROOMS)
def test_the_code_map_names_every_module_of_a_room_and_none_that_is_gone(room: str) -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    section = page.partition(f"\n### {room}/\n")[2].partition("\n### ")[0]
    entries = {
        path.name + "/" * path.is_dir()
        for path in (REPOSITORY / room).iterdir()
        if path.is_dir() or path.suffix == ".py"
    }
    named = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    assert named
    assert entries - COMMON - {"static/", "templates/", "templatetags/"} == named - COMMON


def run(program: list[str], home: Path) -> str:
    done = subprocess.run(
        program,
        cwd=home,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "TMPDIR": str(home), "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_in_the_readme_gets_a_challenge(server: LiveServer, tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    said = run([sys.executable, "-c", program, server.origin], tmp_path)
    assert said.startswith("200 ")
    assert f"'account': 'carol@{server.host}'" in said


@pytest.mark.needs("gnupg")
def test_the_example_registers_an_account(server: LiveServer) -> None:
    program = REPOSITORY / "docs" / "examples" / "register.py"
    # A short path: GnuPG's agent listens at a socket inside it.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        said = run([sys.executable, str(program), server.origin], Path(home))
    assert re.fullmatch(
        rf"Registered example_[0-9a-f]{{8}}@{server.host} with the key [0-9A-F]{{40}}\n"
        r"Device [A-Za-z0-9_-]{43} example active\n",
        said,
    )


@pytest.mark.needs("gnupg")
def test_the_handoff_in_the_readme_is_what_is_seen(fresh_server: LiveServer) -> None:
    found = re.search(r"<!-- begin: handoff .*?-->\n```console\n(.*?)```", README, re.DOTALL)
    assert found is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        seen = transcript.play(fresh_server.origin, Path(folder))
    assert transcript.masked(seen) == transcript.masked(found[1])
