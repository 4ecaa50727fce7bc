"""What a start finds on the disk, by the real command: each ends in a sentence or in the same database."""

from pathlib import Path

import pytest

from tests.live import LiveServer, ServerFailed

MIGRATE = ("migrate", "--no-input", "--verbosity", "0")


@pytest.fixture
def place(tmp_path: Path) -> LiveServer:
    """A server that does not run, on a database that was made by its first migration."""
    server = LiveServer(tmp_path, cluster=False)
    server.make_place()
    server.manage(*MIGRATE)
    return server


def refusal(server: LiveServer) -> str:
    with pytest.raises(ServerFailed) as caught:
        server.manage(*MIGRATE)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def test_a_first_start_makes_an_encrypted_database_and_its_vault(place: LiveServer) -> None:
    assert {"hvx.sqlite3", "vault.json", "root.key"} <= {path.name for path in place.data_dir.iterdir()}
    assert not (place.data_dir / "hvx.sqlite3").read_bytes().startswith(b"SQLite format 3")
    place.manage(*MIGRATE)


def test_a_lost_vault_is_not_invented_anew_for_a_database_that_is_there(place: LiveServer) -> None:
    for lost in (["vault.json"], ["vault.json", "root.key"]):
        for name in lost:
            (place.data_dir / name).unlink(missing_ok=True)
        before = (place.data_dir / "hvx.sqlite3").read_bytes()
        assert "the vault does not open" in refusal(place)
        assert not (place.data_dir / "vault.json").exists()
        assert (place.data_dir / "hvx.sqlite3").read_bytes() == before


def test_without_what_opens_the_vault_no_empty_database_takes_a_lost_ones_place(place: LiveServer) -> None:
    for name in ("root.key", "hvx.sqlite3"):
        (place.data_dir / name).unlink()
    assert "the vault does not open" in refusal(place)
    assert not (place.data_dir / "hvx.sqlite3").exists()


@pytest.mark.parametrize("emptied", [False, True])
def test_where_a_server_has_served_no_empty_database_takes_a_lost_ones_place(
    place: LiveServer, tmp_path: Path, *, emptied: bool
) -> None:
    back_up = tmp_path / "server.hvx"
    place.start()
    place.kill()
    place.manage("backup", str(back_up))
    for path in place.data_dir.glob("hvx.sqlite3*"):
        path.unlink()
    if emptied:
        (place.data_dir / "hvx.sqlite3").touch(0o600)
    for _ in range(2):
        assert "audit.head beside it says that there was one: move the folder away" in refusal(place)
        with pytest.raises(ServerFailed, match="says that there was one"):
            place.start()
        with pytest.raises(ServerFailed, match="says that there was one"):
            place.manage("audit", "verify")
    assert (place.data_dir / "hvx.sqlite3").exists() is emptied
    # A restore is a way out, and writes an audit.head of its own.
    (place.data_dir / "hvx.sqlite3").unlink(missing_ok=True)
    (place.data_dir / "vault.json").unlink()
    place.manage("restore", str(back_up))
    place.manage("audit", "verify")
    place.start()
    place.close()


def test_a_database_of_another_vault_is_refused(place: LiveServer, tmp_path: Path) -> None:
    other = LiveServer(tmp_path / "other", cluster=False)
    other.make_place()
    other.manage(*MIGRATE)
    foreign = (other.data_dir / "hvx.sqlite3").read_bytes()
    (place.data_dir / "hvx.sqlite3").write_bytes(foreign)
    assert "does not open by this vault's database key" in refusal(place)
    assert (place.data_dir / "hvx.sqlite3").read_bytes() == foreign


def test_the_setting_and_the_file_have_to_agree_and_a_verb_makes_them(place: LiveServer) -> None:
    place.env["HVX_DATABASE_ENCRYPTION"] = "off"
    assert "vault encrypt-database --decrypt" in refusal(place)
    place.manage("vault", "encrypt-database", "--decrypt")
    place.manage(*MIGRATE)
    place.env["HVX_DATABASE_ENCRYPTION"] = "on"
    assert "run `manage.py vault encrypt-database`" in refusal(place)
    place.manage("vault", "encrypt-database")
    place.manage(*MIGRATE)
    shown = place.manage("audit", "show", "--event", "database_conversion_begun")
    assert ("plain" in shown, "encrypted" in shown) == (True, True)
    place.manage("audit", "verify")


def test_what_is_deleted_is_in_no_page_of_the_servers_database(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, cluster=False, env={"HVX_DATABASE_ENCRYPTION": "off"})
    server.make_place()
    server.manage(*MIGRATE)
    word = b"a word that was deleted"
    for statement, there in (
        ("CREATE TABLE words AS SELECT '{}' AS word", True),
        ("DELETE FROM words", False),
    ):
        run = f"from django.db import connection as c; c.cursor().execute({statement!r})"
        server.manage("shell", "--no-imports", "--command", run.format(word.decode()))
        files = [path.read_bytes() for path in server.data_dir.glob("hvx.sqlite3*")]
        assert any(word in content for content in files) is there


@pytest.mark.parametrize("value", ["", "On", "0", "false", "maybe"])
def test_a_setting_that_is_neither_on_nor_off_stops_the_start(tmp_path: Path, value: str) -> None:
    server = LiveServer(tmp_path, cluster=False, env={"HVX_DATABASE_ENCRYPTION": value})
    server.make_place()
    assert "set on or off" in refusal(server)
    assert list(server.data_dir.iterdir()) == []


def test_a_plain_database_is_warned_of_and_an_encrypted_one_is_not(place: LiveServer) -> None:
    assert "hvx.W003" not in place.manage("check", "--deploy", "--fail-level", "WARNING")
    place.env["HVX_DATABASE_ENCRYPTION"] = "off"
    with pytest.raises(ServerFailed, match=r"hvx\.W003"):
        place.manage("check", "--deploy", "--fail-level", "WARNING")
    place.env["HVX_DATABASE_URL"] = "postgresql://localhost/nothing"
    place.manage("check", "--deploy", "--fail-level", "WARNING")
