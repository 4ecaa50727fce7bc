"""`hvx export` and `hvx erase`, with the real command and a real server."""

import io
import json
import stat
import zipfile
from pathlib import Path

import httpx
import pytest

from client.cli.exits import Exit
from client.faults import NoAnswer
from client.leaving import export_account
from tests.commands import Command
from tests.live import LiveServer
from tests.scenarios.people import PASSWORD as PEOPLES_PASSWORD
from tests.scenarios.people import register
from tests.scenarios.test_handoff import People, registered

pytestmark = pytest.mark.needs("gnupg")


@pytest.fixture
def people(server: LiveServer, tmp_path: Path) -> People:
    return registered(server, tmp_path)


def erase(people: People, *arguments: str, home: Path | None = None, typed: str = "") -> tuple[int, str]:
    words = ("erase", "--password-file", str(people.password), *arguments)
    return people.on(home or people.laptop, *words, typed=typed)


# --- Export ------------------------------------------------------------------------------------------


def test_an_export_is_never_written_over_a_file(people: People) -> None:
    file = people.folder / "taken.zip"
    file.write_text("mine")
    code, said = people.on(people.laptop, "export", str(file), "--password-file", str(people.password))
    assert (code, file.read_text()) == (Exit.FAILED, "mine")
    assert said.strip() == f"{file} is there already, and is not overwritten."


def test_a_refused_export_leaves_no_file(people: People) -> None:
    file, wrong = people.folder / "all.zip", people.folder / "wrong"
    wrong.write_text("not the password\n")
    code, said = people.on(people.laptop, "export", str(file), "--password-file", str(wrong))
    assert code == Exit.SERVER_REFUSED, said
    assert not file.exists()


@pytest.mark.parametrize("damage", ["cut", "changed", "nothing", "a page"])
def test_an_archive_that_is_not_whole_is_not_kept(server: LiveServer, tmp_path: Path, damage: str) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("account.json", "{}" * 100)
    whole = held.getvalue()
    sent = {
        "cut": whole[:-10],
        "changed": whole.replace(b"{}{}", b"{]{}", 1),
        "nothing": b"",
        "a page": b"<html></html>",
    }[damage]
    username = f"damaged_{damage.replace(' ', '_')}"
    device = register(server.origin, tmp_path / "home", username, f"{username}@mail.example")
    device.api.close()
    device.api._http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, content=sent))
    )
    file = tmp_path / "all.zip"
    with pytest.raises(NoAnswer, match="no whole archive"):
        export_account(device, PEOPLES_PASSWORD, file)
    assert not file.exists()
    device.close()


def test_everything_is_taken_along_in_one_file(people: People) -> None:
    file = people.folder / "all.zip"
    code, said = people.on(people.laptop, "export", str(file), "--password-file", str(people.password))
    assert code == Exit.DONE, said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        account = json.loads(archive.read("account.json"))
        [device] = json.loads(archive.read("devices.json"))
        assert people.username in archive.read("README.txt").decode()
    assert account["email"] == f"{people.username}@example.org"
    assert device["name"] == "laptop"


# --- Erasure -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", "y", "yes", "ALICE", "somebody_else"])
def test_whoever_does_not_type_the_username_erases_nothing(people: People, typed: str) -> None:
    code, said = erase(people, typed=f"{typed}\n")
    assert code == Exit.FAILED
    assert said.splitlines()[-1].endswith("nothing was erased.")
    assert people.has_key(people.laptop)


def test_without_the_password_nothing_is_erased(people: People) -> None:
    people.password.write_text("not the password\n")
    assert erase(people, "--confirm", people.username)[0] == Exit.SERVER_REFUSED
    assert people.has_key(people.laptop)


def test_an_erased_account_is_gone_from_the_server_and_its_keys_from_the_device(people: People) -> None:
    people.hand_over()
    with people.approve(home=people.phone) as waiting:
        waiting.hear("Waiting for a device that asks")
        code, said = erase(people, typed=f"{people.username}\n")
        assert code == Exit.DONE, said
        # Its socket is closed, and it is told so.
        assert waiting.end() == Exit.DEVICE_REVOKED
    assert not list((people.laptop / "gnupg" / "private-keys-v1.d").iterdir())
    assert people.on(people.laptop, "whoami")[0] == Exit.NOT_LOGGED_IN
    assert people.on(people.phone, "devices")[0] == Exit.DEVICE_REVOKED
    assert people.on(people.phone, "logout")[0] == Exit.DONE
    origin = people.server.url
    assert people.on(people.phone, "verify", people.username, "--origin", origin)[0] == Exit.SERVER_REFUSED
    with Command(
        *("register", "--origin", origin, "--username", people.username, "--email", "again@example.org"),
        *("--password-file", str(people.password), "--backup", str(people.folder / "again.asc")),
        home=people.folder / "again",
    ) as again:
        assert again.end() == Exit.SERVER_REFUSED
        assert "username" in again.last_line()
