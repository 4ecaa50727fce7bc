"""The whole story with the `hvx` command, a real server, real sockets and real GnuPG."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from client.cli.exits import Exit
from client.gnupg import Home
from client.profile import AttemptsFile
from tests.commands import Command, run
from tests.live import LiveServer

pytestmark = pytest.mark.needs("gnupg")

PASSWORD = "correct-horse-planted-battery"


@dataclass
class People:
    """Somebody with a laptop that is registered and a phone that is not logged in."""

    server: LiveServer
    folder: Path
    username: str

    @property
    def laptop(self) -> Path:
        return self.folder / "laptop"

    @property
    def phone(self) -> Path:
        return self.folder / "phone"

    @property
    def password(self) -> Path:
        return self.folder / "password"

    def on(self, home: Path, *arguments: str, typed: str = "") -> tuple[int, str]:
        """A command on one device, from start to end."""
        return run(*arguments, home=home, typed=typed)

    def login(self, *arguments: str, home: Path | None = None, terminal: bool = False) -> Command:
        """The start of a login on the phone."""
        return Command(
            *("login", "--origin", self.server.url, "--login", self.username),
            *("--password-file", str(self.password), "--device-name", "phone", *arguments),
            home=home or self.phone,
            terminal=terminal,
        )

    def approve(self, *arguments: str, home: Path | None = None, terminal: bool = False) -> Command:
        """The start of an approval on the laptop."""
        return Command("approve", "--once", *arguments, home=home or self.laptop, terminal=terminal)

    def hand_over(self, home: Path | None = None) -> None:
        """A handoff that goes well."""
        with self.login(home=home) as asking, self.approve() as giving:
            giving.hear(r"before you\? \[y/N\]")
            giving.type("y")
            code = asking.hear(r"\b(\d{6})\b")[1]
            giving.hear(r"\(6 digits\):")
            giving.type(code)
            returned = giving.hear(r"new device:\s+(\d{4})\b")[1]
            asking.hear(r"\(4 digits\):")
            asking.type(returned)
            assert (asking.end(), giving.end()) == (Exit.DONE, Exit.DONE)

    def has_key(self, home: Path) -> bool:
        """Whether the device says that the account's private key is on it."""
        return "Key here:    yes" in self.on(home, "whoami")[1]


_count = iter(range(10_000))


@pytest.fixture
def people(server: LiveServer, tmp_path: Path) -> People:
    return registered(server, tmp_path)


def registered(server: LiveServer, tmp_path: Path) -> People:
    """Somebody whose laptop has the account's key."""
    people = People(server, tmp_path, f"alice{next(_count)}")
    people.password.write_text(PASSWORD + "\n")
    code, said = people.on(
        people.laptop,
        *("register", "--origin", server.url, "--username", people.username),
        *("--email", f"{people.username}@example.org", "--password-file", str(people.password)),
        *("--backup", str(tmp_path / "backup.asc"), "--device-name", "laptop"),
    )
    assert code == Exit.DONE, said
    return people


def test_a_declined_request_ends_both_sides_with_a_sentence_each(people: People) -> None:
    with people.login() as asking, people.approve() as giving:
        giving.hear(r"\[y/N\]")
        giving.type("n")
        assert giving.end() == Exit.DECLINED
        assert asking.end() == Exit.DECLINED
        assert asking.last_line() == "The other device's user declined; no key was handed over."
        assert giving.last_line() == "You declined; the key was not handed over."
    assert not people.has_key(people.phone)


def test_a_yes_that_was_typed_before_the_question_is_no_consent(people: People) -> None:
    with people.approve(terminal=True) as giving:
        giving.hear("Waiting for a device that asks")
        giving.type("y")
        with people.login() as asking:
            giving.hear(r"\[y/N\]")
            giving.type("n")
            assert giving.end() == Exit.DECLINED
            assert asking.end() == Exit.DECLINED
    assert not people.has_key(people.phone)


def test_a_wrong_code_ends_both_sides_and_no_key_goes_out(people: People) -> None:
    with people.login() as asking, people.approve() as giving:
        giving.hear(r"\[y/N\]")
        giving.type("y")
        code = int(asking.hear(r"\b(\d{6})\b")[1])
        giving.hear(r"\(6 digits\):")
        giving.type(f"{(code + 1) % 10**6:06d}")
        assert giving.end() == Exit.WRONG_CODE
        assert asking.end() == Exit.WRONG_CODE
        assert asking.last_line().startswith("On the other device a wrong code was typed")
    assert not people.has_key(people.phone)


def test_who_leaves_after_the_key_went_out_is_told_that_it_did(people: People) -> None:
    with people.login() as asking, people.approve() as giving:
        giving.hear(r"\[y/N\]")
        giving.type("y")
        code = asking.hear(r"\b(\d{6})\b")[1]
        giving.hear(r"\(6 digits\):")
        giving.type(code)
        giving.hear(r"new device:\s+(\d{4})\b")
        giving.interrupt()
        assert giving.end() == Exit.UNCONFIRMED
        assert giving.last_line().startswith("The key was handed over, but")
        assert asking.end() == Exit.ENDED_ELSEWHERE


def test_a_server_that_is_lost_after_the_key_went_out_does_not_hide_that(tmp_path: Path) -> None:
    with LiveServer(tmp_path / "server") as server:
        people = registered(server, tmp_path)
        with people.login() as asking, people.approve() as giving:
            giving.hear(r"\[y/N\]")
            giving.type("y")
            code = asking.hear(r"\b(\d{6})\b")[1]
            giving.hear(r"\(6 digits\):")
            giving.type(code)
            giving.hear(r"new device:\s+(\d{4})\b")
            server.kill()
            assert giving.end() == Exit.UNCONFIRMED


def test_an_approval_that_waits_outlives_a_server_that_comes_back(tmp_path: Path) -> None:
    with LiveServer(tmp_path / "server") as server:
        people = registered(server, tmp_path)
        with people.approve() as giving:
            giving.hear("Waiting for a device that asks")
            server.kill()
            giving.hear("The server does not answer; trying again")
            server.start()
            giving.hear("Waiting for a device that asks")
            with people.login() as asking:
                giving.hear(r"\[y/N\]")
                giving.type("n")
                assert (giving.end(), asking.end()) == (Exit.DECLINED, Exit.DECLINED)


def test_a_wrong_return_code_ends_both_sides_and_no_key_is_kept(people: People) -> None:
    with people.login() as asking, people.approve() as giving:
        giving.hear(r"\[y/N\]")
        giving.type("y")
        giving_code = asking.hear(r"\b(\d{6})\b")[1]
        giving.hear(r"\(6 digits\):")
        giving.type(giving_code)
        returned = int(giving.hear(r"new device:\s+(\d{4})\b")[1])
        asking.hear(r"\(4 digits\):")
        asking.type(f"{(returned + 1) % 10**4:04d}")
        assert asking.end() == Exit.WRONG_CODE
        assert giving.end() == Exit.WRONG_CODE
    assert not people.has_key(people.phone)


def test_what_is_no_code_at_all_costs_no_attempt(people: People) -> None:
    with people.login() as asking, people.approve() as giving:
        giving.hear(r"\[y/N\]")
        giving.type("y")
        asking.hear(r"\b(\d{6})\b")
        giving.hear(r"\(6 digits\):")
        giving.type("12345")
        giving.hear(r"That is not 6 digits\.\s+.*\(6 digits\):")
        giving.interrupt()
        assert giving.end() == Exit.CANCELLED
        assert asking.end() == Exit.ENDED_ELSEWHERE


def test_a_new_device_that_gives_up_withdraws_its_request(people: People) -> None:
    with people.login() as asking, people.approve() as giving:
        giving.hear(r"\[y/N\]")
        asking.interrupt()
        assert asking.end() == Exit.CANCELLED
        assert giving.end() == Exit.ENDED_ELSEWHERE
        assert giving.last_line() == "The other device cancelled; the handoff has ended."


def test_three_attempts_that_came_to_nothing_are_remembered_across_commands(people: People) -> None:
    memory = AttemptsFile(people.laptop / "exchanges.json")
    for count in range(3):
        memory.begin(f"00000000-0000-4000-8000-00000000000{count}", 4_000_000_000)
    with people.login() as asking, people.approve() as giving:
        assert giving.end() == Exit.TOO_MANY_ATTEMPTS
        assert asking.end() == Exit.ENDED_ELSEWHERE


def test_a_wrong_password_and_an_unknown_name_end_alike(people: People) -> None:
    wrong = people.folder / "wrong"
    wrong.write_text("something else entirely\n")
    ends = []
    for username in (people.username, "nobody_here"):
        ends.append(
            people.on(
                people.phone,
                *("login", "--origin", people.server.url, "--login", username, "--password-file", str(wrong)),
            )
        )
    assert ends[0] == ends[1]
    assert ends[0][0] == Exit.SERVER_REFUSED


def test_the_key_reaches_the_second_device_by_two_codes_typed_at_terminals(people: People) -> None:
    with people.login(terminal=True) as asking, people.approve(terminal=True) as giving:
        giving.hear(r"It calls itself: phone \(Linux\)")
        giving.hear(r"\[y/N\]")
        giving.type("y")
        assert people.username in asking.hear(r"Account (\S+)")[1]
        code = asking.hear(r"\b(\d{6})\b")[1]
        giving.hear(r"\(6 digits\):")
        giving.type(f"{code[:3]} {code[3:]}")
        returned = giving.hear(r"new device:\s+(\d{4})\b")[1]
        asking.hear(r"\(4 digits\):")
        asking.type(returned)
        assert giving.end() == Exit.DONE
        assert asking.end() == Exit.DONE
    assert people.has_key(people.laptop)
    assert people.has_key(people.phone)


def test_the_key_reaches_the_second_device_by_qr_without_typing(people: People) -> None:
    with people.login("--qr", "--to", "laptop") as asking:
        text = asking.hear(r"(hvx:[A-Za-z0-9_-]{80,})\s")[1]
        with people.approve("--qr", text) as giving:
            giving.hear(rf"Hand the key of {people.username}@\S+ to the device in your hand\? \[y/N\]")
            giving.type("y")
            assert giving.end() == Exit.DONE
        assert asking.end() == Exit.DONE
        assert not re.search(r"\b\d{6}\b", asking.said)
    assert people.has_key(people.phone)


def test_a_back_up_brings_the_key_to_a_new_device_and_another_key_does_not(people: People) -> None:
    stranger = people.folder / "else"
    code, said = people.on(
        stranger,
        *("register", "--origin", people.server.url, "--username", f"{people.username}x"),
        *("--email", f"{people.username}x@example.org", "--password-file", str(people.password)),
        *("--backup", str(people.folder / "other.asc")),
    )
    assert code == Exit.DONE, said
    with people.login("--backup", str(people.folder / "other.asc")) as wrong:
        assert wrong.end() == Exit.FAILED
        assert wrong.last_line() == "The back-up holds another key than this account's."
    with people.login("--backup", str(people.folder / "backup.asc")) as right:
        assert right.end() == Exit.DONE
    assert people.has_key(people.phone)


def test_a_back_up_encrypted_by_a_passphrase_opens_with_it_alone(people: People) -> None:
    passphrase, wrong = people.folder / "passphrase", people.folder / "wrong"
    passphrase.write_text("nine planted words for nobody\n")
    wrong.write_text("another\n")
    file = people.folder / "locked.asc"
    assert people.on(people.laptop, "key", "export", str(file), "--passphrase-file", str(passphrase))[0] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("-----BEGIN PGP MESSAGE-----")
    with people.login("--backup", str(file), "--passphrase-file", str(wrong)) as refused:
        assert refused.end() == Exit.FAILED
    with people.login("--backup", str(file), "--passphrase-file", str(passphrase)) as taken:
        assert taken.end() == Exit.DONE


def test_the_last_device_ends_only_with_a_back_up_and_then_nothing_is_left_of_the_key(people: People) -> None:
    code, said = people.on(people.laptop, "logout")
    assert code == Exit.SERVER_REFUSED
    assert "--key-backed-up" in said
    assert people.has_key(people.laptop)
    assert people.on(people.laptop, "logout", "--key-backed-up")[0] == Exit.DONE
    for folder in ("private-keys-v1.d", "openpgp-revocs.d"):
        assert not list((people.laptop / "gnupg" / folder).iterdir())
    assert not (people.laptop / "device.key").exists()
    assert people.on(people.laptop, "whoami")[0] == Exit.NOT_LOGGED_IN


def test_a_pending_device_is_told_what_it_lacks(people: People) -> None:
    with people.login() as asking:
        asking.hear("to accept: run hvx approve there")
        asking.interrupt()
        assert asking.end() == Exit.CANCELLED
    code, said = people.on(people.phone, "devices")
    assert (code, said.strip()) == (
        Exit.NOT_LOGGED_IN,
        "This device has not the account key yet: run hvx login.",
    )


def test_a_file_that_is_no_key_is_the_users_own_mistake(people: People) -> None:
    file = people.folder / "nothing"
    file.write_text("not a key\n")
    code, said = people.on(people.laptop, "key", "import", str(file))
    assert (code, said.strip()) == (Exit.FAILED, "That file holds no private key that can be read.")


def test_a_back_up_is_not_written_over_a_file_and_no_passphrase_is_asked_for_it(people: People) -> None:
    file = people.folder / "backup.asc"
    before = file.read_bytes()
    with Command("key", "export", str(file), home=people.laptop, terminal=True) as command:
        assert command.end() == Exit.FAILED
        assert command.last_line().endswith("backup.asc is there already, and is not overwritten.")
        assert "Passphrase" not in command.said
    assert file.read_bytes() == before


def test_at_a_terminal_a_back_up_is_not_left_unencrypted_unasked(people: People) -> None:
    file = people.folder / "tablet.asc"
    arguments = (
        *("register", "--origin", people.server.url, "--username", f"{people.username}p"),
        *("--email", f"{people.username}p@example.org", "--password-file", str(people.password)),
        *("--backup", str(file)),
    )
    with Command(*arguments, home=people.folder / "tablet", terminal=True) as command:
        for question in (r"Passphrase for the back-up \(empty for none\):", "Again:"):
            command.hear(question)
            command.type("nine planted words for nobody")
        assert command.end() == Exit.DONE
    assert file.read_text().startswith("-----BEGIN PGP MESSAGE-----")


def test_a_device_does_not_revoke_itself(people: People) -> None:
    code, said = people.on(people.laptop, "revoke", "laptop", "--key-backed-up")
    assert code == Exit.FAILED
    assert said.strip() == "That is this device; hvx logout ends it."
    assert people.has_key(people.laptop)


def test_a_revoked_device_is_told_so_and_verify_shows_the_revocation(people: People) -> None:
    people.hand_over()
    code, said = people.on(people.laptop, "revoke", "phone")
    assert code == Exit.DONE, said
    assert people.on(people.phone, "devices")[0] == Exit.DEVICE_REVOKED
    assert people.on(people.phone, "logout")[0] == Exit.DONE
    assert not list((people.phone / "gnupg" / "private-keys-v1.d").iterdir())
    code, said = people.on(people.laptop, "verify", people.username)
    assert code == Exit.DONE, said
    assert said.count("certified by the account key") == 2
    assert said.count("certified by the account key, revoked by the account key") == 1


def test_a_revoked_device_that_waits_for_requests_ends_at_once(people: People) -> None:
    people.hand_over()
    with people.approve(home=people.phone) as waiting:
        waiting.hear("Waiting for a device that asks")
        with Command("devices", home=people.laptop) as listing:
            assert listing.end() == Exit.DONE
        assert people.on(people.laptop, "revoke", "phone")[0] == Exit.DONE
        assert waiting.end() == Exit.DEVICE_REVOKED


def test_of_two_devices_that_are_asked_the_second_is_told_that_the_first_has_answered(people: People) -> None:
    people.hand_over()
    tablet = people.folder / "tablet"
    with (
        people.login(home=tablet) as asking,
        people.approve() as giving,
        people.approve(home=people.phone) as late,
    ):
        giving.hear(r"\[y/N\]")
        late.hear(r"\[y/N\]")
        giving.type("y")
        assert late.end() == Exit.ENDED_ELSEWHERE
        assert late.last_line().startswith("The request is no longer open")
        asking.interrupt()
        assert asking.end() == Exit.CANCELLED
        assert giving.end() == Exit.ENDED_ELSEWHERE


def test_the_account_key_can_live_in_a_gnupg_home_of_ones_own(people: People) -> None:
    with tempfile.TemporaryDirectory(prefix="hvx-") as own:
        environment = {"HVX_GNUPG_HOME": own}
        arguments = ("--backup", str(people.folder / "backup.asc"), "--login", people.username)
        code, said = run(
            *("login", "--origin", people.server.url, "--password-file", str(people.password), *arguments),
            home=people.phone,
            env=environment,
        )
        assert code == Exit.DONE, said
        assert not (people.phone / "gnupg").exists()
        assert list((Path(own) / "private-keys-v1.d").iterdir())
        assert run("logout", home=people.phone, env=environment)[0] == Exit.DONE
        assert not list((Path(own) / "private-keys-v1.d").iterdir())
        Home(Path(own)).stop()


def test_verify_refuses_a_fingerprint_that_is_not_the_published_keys(people: People) -> None:
    told = people.on(people.laptop, "whoami")[1]
    own = re.search(r"Account key: ([0-9A-F]{40})", told)
    assert own is not None
    arguments = ("verify", people.username, "--origin", people.server.url, "--fingerprint")
    assert people.on(people.phone, *arguments, own[1])[0] == Exit.DONE
    other = own[1][:-1] + ("0" if own[1][-1] != "0" else "1")
    code, said = people.on(people.phone, *arguments, other)
    assert code == Exit.NOT_VERIFIED
    assert "account key is another one" in said


def test_a_replaced_key_reaches_the_other_device_and_the_old_one_comes_along(people: People) -> None:
    people.hand_over()
    code, said = people.on(
        people.laptop,
        *("key", "replace", "--password-file", str(people.password)),
        *("--backup", str(people.folder / "new.asc")),
    )
    assert code == Exit.DONE, said
    people.hand_over()
    assert people.has_key(people.phone)
    keys = list((people.phone / "gnupg" / "private-keys-v1.d").iterdir())
    # Two account keys, each with a subkey.
    assert len(keys) == 4
    code, said = people.on(people.phone, "verify", people.username)
    assert code == Exit.DONE, said
    assert "earlier account key, passed on by both signatures" in said


def test_a_changed_password_is_the_one_that_logs_in(people: People) -> None:
    changed = people.folder / "changed"
    changed.write_text("correct-horse-second-battery\n")
    arguments = ("passwd", "--password-file", str(people.password), "--new-password-file", str(changed))
    assert people.on(people.laptop, *arguments)[0] == Exit.DONE
    with people.login("--backup", str(people.folder / "backup.asc")) as old:
        assert old.end() == Exit.SERVER_REFUSED
    people.password.write_text(changed.read_text())
    with people.login("--backup", str(people.folder / "backup.asc")) as new:
        assert new.end() == Exit.DONE


def test_a_forgotten_password_is_set_anew_by_the_account_key_and_by_no_other(people: People) -> None:
    other = people.folder / "other"
    code, said = people.on(
        other,
        *("register", "--origin", people.server.url, "--username", f"{people.username}x"),
        *("--email", f"{people.username}x@example.org", "--password-file", str(people.password)),
        *("--backup", str(people.folder / "other.asc")),
    )
    assert code == Exit.DONE, said
    changed = people.folder / "changed"
    reset = ("passwd", "--reset", "--new-password-file", str(changed))
    of_nobody_here = (*reset, "--origin", f"{people.server.url}/", "--username", people.username, "--backup")
    changed.write_text("correct-horse-second-battery\n")
    assert people.on(people.phone, *reset)[0] == Exit.NOT_LOGGED_IN
    assert people.on(people.phone, *of_nobody_here, str(people.folder / "other.asc"))[0] == (
        Exit.SERVER_REFUSED
    )
    assert people.on(people.laptop, *reset)[0] == Exit.DONE
    with people.login("--backup", str(people.folder / "backup.asc")) as old:
        assert old.end() == Exit.SERVER_REFUSED
    changed.write_text("correct-horse-third-battery\n")
    code, said = people.on(people.phone, *of_nobody_here, str(people.folder / "backup.asc"))
    assert (code, said.strip()) == (Exit.DONE, "The password is changed.")
    people.password.write_text(changed.read_text())
    with people.login("--backup", str(people.folder / "backup.asc")) as new:
        assert new.end() == Exit.DONE


def test_registering_at_a_terminal_insists_on_a_back_up(people: People) -> None:
    home, file = people.folder / "tablet", people.folder / "asked.asc"
    with Command("register", "--origin", people.server.url, home=home, terminal=True) as command:
        command.hear("Username:")
        command.type(f"{people.username}t")
        command.hear("E-mail address:")
        command.type(f"{people.username}t@example.org")
        command.hear("Password:")
        command.type(PASSWORD)
        command.hear("Again:")
        command.type(PASSWORD)
        command.hear("Write the back-up to the file:")
        command.type(str(file))
        command.hear(r"Passphrase for the back-up \(empty for none\):")
        command.type("")
        command.hear("Type yes when that is done:")
        command.type("no")
        assert command.end() == Exit.CANCELLED
        assert PASSWORD not in command.said
    backed_up = file.read_text()
    assert backed_up.startswith("-----BEGIN PGP PRIVATE KEY BLOCK-----")
    code, _ = people.on(people.laptop, "verify", f"{people.username}t")
    assert code == Exit.SERVER_REFUSED
    # Repeated, it is the same key, and the same back-up is one of it.
    again = (
        *("register", "--origin", people.server.url, "--username", f"{people.username}t"),
        *("--email", f"{people.username}t@example.org", "--password-file", str(people.password)),
    )
    code, said = people.on(home, *again, "--backup", str(people.folder / "backup.asc"))
    assert code == Exit.FAILED
    assert "backup.asc is there already, and is not overwritten." in said
    code, said = people.on(home, *again, "--backup", str(file))
    assert code == Exit.DONE, said
    assert file.read_text() == backed_up
    with people.login("--login", f"{people.username}t", "--backup", str(file)) as lost_everything:
        assert lost_everything.end() == Exit.DONE


def test_two_handoffs_at_once_in_one_profile_are_refused(people: People) -> None:
    with people.approve() as first:
        first.hear("Waiting for a device that asks")
        code, said = people.on(people.laptop, "approve", "--once")
        assert code == Exit.FAILED
        assert "busy" in said


def test_a_server_that_is_not_there_is_said_to_be_so(people: People) -> None:
    code, said = people.on(
        people.phone,
        *(
            "login",
            "--origin",
            "http://localhost:9",
            "--login",
            "alice",
            "--password-file",
            str(people.password),
        ),
    )
    assert code == Exit.NO_ANSWER
    assert "does not answer" in said


def test_a_server_reached_under_another_name_says_its_own(people: People) -> None:
    other = people.server.url.replace("localhost", "127.0.0.1")
    with people.login("--origin", other) as asking:
        assert asking.end() == Exit.FAILED
        assert asking.last_line() == (
            f"This server calls itself {people.server.url}; use --origin {people.server.url}."
        )
