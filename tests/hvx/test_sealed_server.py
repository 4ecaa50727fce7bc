"""A real server that is sealed, opened by shares from several processes, and sealed again."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from hvx.openapi import PROBLEM_SCHEMA
from tests.live import MANAGE, REPOSITORY, LiveServer, ServerFailed
from tests.people import LiveWire, Person
from tests.processes import given_to, memory_of, open_files_of
from tests.scenarios.searching import found_in
from vault import attempts, control, vaultfile
from vault.protectors import shares
from vault.protectors.shares import Gathering

PASSPHRASE = "planted words of an operator"


class SealedServer:
    """A server whose vault opens by any two of three shares, and by a passphrase."""

    def __init__(self, folder: Path, *, cluster: bool | None = None) -> None:
        self.live = LiveServer(folder, cluster=cluster)
        self.live.make_place()
        protect = ("--protect", "shares=2/3", "--protect", "passphrase")
        made = self.live.manage("vault", "init", *protect, "--stdin", stdin=f"{PASSPHRASE}\n")
        self.shares = re.findall(r"^share \d: (.+)$", made, re.MULTILINE)
        assert len(self.shares) == 3

    def command(self, *arguments: str, brings: str = "") -> subprocess.CompletedProcess[str]:
        """`manage.py vault …`, which may fail."""
        return subprocess.run(
            [*MANAGE, "vault", *arguments],
            env=self.live.env,
            cwd=REPOSITORY,
            input=brings,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def bring(self, share: str) -> subprocess.CompletedProcess[str]:
        return self.command("unseal", "--share", "--stdin", brings=f"{share}\n")

    def unseal(self) -> None:
        """By the socket itself, which is quicker than by the command."""
        for share in self.shares[:2]:
            told = control.outcome(self.live.data_dir, do="unseal", by="share", answer=share)
        assert told == {"state": "serving"}
        self.settle(children=2)

    def seal(self) -> None:
        assert control.outcome(self.live.data_dir, do="seal") == {"state": "sealed"}
        self.settle(children=1)

    def settle(self, *, children: int) -> None:
        """Return once the master has so many children: those before them may still be ending."""
        deadline = time.monotonic() + 20
        while len(self.live.pids()) != 1 + children:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def health(self) -> tuple[int, str]:
        answer = httpx.get(f"{self.live.url}/healthz", trust_env=False)
        return answer.status_code, answer.json()["status"]

    def root_key(self) -> bytes:
        """Opened here, from the same file."""
        body = vaultfile.read(self.live.data_dir / vaultfile.NAME).current
        [protector] = [each for each in body.protectors if each.kind == shares.KIND]
        gathering = Gathering(protector)
        roots = [gathering.offer(shares.read(share)) for share in self.shares[:2]]
        assert roots[1] is not None
        return bytes(roots[1]._material.view)


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[SealedServer]:
    server = SealedServer(tmp_path)
    try:
        server.live.start_sealed("--migrate")
        yield server
    finally:
        server.live.close()


def log_of(server: LiveServer) -> str:
    return server.log_path.read_text()


def holders(server: LiveServer, **needles: bytes) -> dict[int, set[str]]:
    """Which of the server's processes has which of these in its memory."""
    found = {
        pid: {name for piece in memory_of(pid) for name in found_in(piece, needles)} for pid in server.pids()
    }
    return {pid: names for pid, names in found.items() if names}


def test_a_sealed_server_refuses_everything_and_opens_by_two_shares_from_two_processes(
    sealed: SealedServer,
) -> None:
    assert sealed.health() == (503, "sealed")
    first = sealed.bring(sealed.shares[2])
    assert first.returncode == 0
    assert "1 of the 2 shares" in first.stdout
    assert sealed.health() == (503, "sealed")

    words = sealed.shares[0].split()
    mistyped = sealed.bring(" ".join([*words[:6], "acadamic", *words[7:]]))
    assert mistyped.returncode != 0
    assert "word 7, 'acadamic', is not in the list" in mistyped.stderr
    assert "already" in sealed.bring(sealed.shares[2]).stderr
    swapped = sealed.bring(" ".join([words[1], words[0], *words[2:]]))
    assert "checksum" in swapped.stderr

    second = sealed.bring(sealed.shares[0])
    assert second.returncode == 0, second.stderr
    assert "the server serves" in second.stdout
    assert sealed.health() == (200, "ok")
    assert "not sealed" in sealed.bring(sealed.shares[1]).stdout


def test_what_is_sealed_is_all_there_when_it_is_opened_again(sealed: SealedServer) -> None:
    sealed.unseal()
    wire = LiveWire(sealed.live.url, sealed.live.origin)
    person = Person(wire)
    person.register().expect(201)
    before = person.handset.call("GET", "me").expect(200).json
    assert sealed.command("seal").returncode == 0
    assert sealed.health() == (503, "sealed")
    assert person.handset.call("GET", "me").refusal == (503, "sealed")
    done = sealed.command("unseal", "--passphrase", "--stdin", brings=f"{PASSPHRASE}\n")
    assert done.returncode == 0, done.stderr
    after = person.handset.call("GET", "me").expect(200).json
    assert after["email"] == before["email"] != ""
    wire.close()


@pytest.mark.needs("root")
def test_once_sealed_no_process_of_the_server_has_the_root_key(sealed: SealedServer) -> None:
    root = sealed.root_key()
    secrets = {f"share {number}": share.encode() for number, share in enumerate(sealed.shares, 1)}
    sealed.unseal()
    while_open = holders(sealed.live, root=root, passphrase=PASSPHRASE.encode(), **secrets)
    assert all(names == {"root"} for names in while_open.values()), "what was brought is in no process"
    assert set(while_open) == set(sealed.live.pids()), "the search finds the root key where it is"
    sealed.seal()
    assert sealed.health() == (503, "sealed")
    assert holders(sealed.live, root=root, **secrets) == {}


@pytest.mark.needs("root")
def test_the_root_key_is_in_no_environment_no_argument_and_no_file(sealed: SealedServer) -> None:
    needles = {"root": sealed.root_key(), "passphrase": PASSPHRASE.encode()}
    needles |= {f"share {number}": share.encode() for number, share in enumerate(sealed.shares, 1)}

    def places() -> Iterator[bytes]:
        for pid in sealed.live.pids():
            yield given_to(pid)
            yield from open_files_of(pid).values()
        for path in (sealed.live.log_path, *sealed.live.data_dir.rglob("*")):
            if path.is_file():
                yield path.read_bytes()

    def found() -> list[set[str]]:
        searched = list(places())
        assert sum(map(len, searched)) > 1_000
        return [names for place in searched if (names := found_in(place, needles))]

    assert found() == []
    sealed.unseal()
    assert httpx.get(f"{sealed.live.url}/readyz", trust_env=False).status_code == 200
    assert found() == []


@pytest.mark.needs("root")
def test_while_sealed_nothing_of_the_server_touches_the_database(sealed: SealedServer) -> None:
    for path in ("/readyz", "/api/hvx/v1/me", "/api/hvx/v1/instance", "/metrics"):
        assert httpx.get(sealed.live.url + path, trust_env=False).status_code == 503
    opened = [path for pid in sealed.live.pids() for path in open_files_of(pid)]
    assert not any("sqlite" in path for path in opened)
    # Not migrated either: the key of an embedded database is sealed with the rest.
    assert not (sealed.live.data_dir / "hvx.sqlite3").exists()


def test_sockets_are_told_sealed_as_browsers_can_read_it(sealed: SealedServer) -> None:
    protocols = [Subprotocol("hvx.keyexchange.v1"), Subprotocol("hvx.bearer.abc")]
    url = f"ws://{sealed.live.host}/ws/keyexchange"
    with connect(url, subprotocols=protocols, proxy=None) as socket:
        assert socket.subprotocol == "hvx.keyexchange.v1"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "sealed")


def test_a_refusal_is_a_problem_document_that_pages_elsewhere_may_read(sealed: SealedServer) -> None:
    answer = httpx.post(f"{sealed.live.url}/api/hvx/v1/sessions", json={}, trust_env=False)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "sealed"
    assert set(PROBLEM_SCHEMA["required"]) <= set(answer.json())
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_open_server_that_cannot_serve_stays_sealed_and_says_why(tmp_path: Path) -> None:
    server = SealedServer(tmp_path)
    try:
        server.live.start_sealed()
        control.outcome(server.live.data_dir, do="unseal", by="share", answer=server.shares[0])
        refused = server.bring(server.shares[1])
        assert refused.returncode != 0
        assert "cannot serve" in refused.stderr
        assert "migrat" in refused.stderr
        assert server.health() == (503, "sealed")
    finally:
        server.live.close()


def watch(sealed: SealedServer) -> subprocess.Popen[str]:
    """Somebody who watches from a process of his own, a line of JSON for each thing told."""
    return subprocess.Popen(
        [sys.executable, "-c", WATCH, str(sealed.live.data_dir)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_others_see_the_shares_come(sealed: SealedServer) -> None:
    watching = watch(sealed)
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["have"] == 0
    control.outcome(sealed.live.data_dir, do="unseal", by="share", answer=sealed.shares[1])
    seen = json.loads(watching.stdout.readline())
    assert (seen["have"], seen["need"]) == (1, 2)
    control.outcome(sealed.live.data_dir, do="unseal", by="share", answer=sealed.shares[2])
    assert json.loads(watching.stdout.readline()) == {"state": "serving"}
    assert watching.wait(10) == 0
    watching.stdout.close()


WATCH = """
import json, sys
from pathlib import Path
from vault import control
for told in control.ask(Path(sys.argv[1]), do="watch"):
    print(json.dumps(told), flush=True)
"""


# What is typed before the question stands there is dropped.
ASKED = "Enter alone waits for others): "


class Terminal:
    """A person before `manage.py vault …`."""

    def __init__(self, server: LiveServer, *arguments: str) -> None:
        self.pid, self.line = pty.fork()
        if self.pid == 0:
            os.chdir(REPOSITORY)
            os.execve(MANAGE[0], [*MANAGE, "vault", *arguments], server.env)  # noqa: S606
        self.said = ""
        self.heard = 0

    def hear(self, text: str) -> None:
        """Read until it says this, after what was heard before."""
        deadline = time.monotonic() + 60
        while (at := self.said.find(text, self.heard)) < 0:
            ready, _, _ = select.select([self.line], [], [], deadline - time.monotonic())
            assert ready, f"it never said {text!r} but {self.said!r}"
            self.said += os.read(self.line, 4096).decode()
        self.heard = at + len(text)

    def type(self, text: str) -> None:
        os.write(self.line, text.encode() + b"\n")

    def end(self) -> int:
        descriptor = os.pidfd_open(self.pid)
        ended, _, _ = select.select([descriptor], [], [], 60)
        os.close(descriptor)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.line)
        assert ended, f"it never ended: {self.said!r}"
        return os.waitstatus_to_exitcode(status)


def test_a_person_types_a_share_unseen_and_waits_for_the_others(sealed: SealedServer) -> None:
    terminal = Terminal(sealed.live, "unseal", "--share")
    terminal.hear(ASKED)
    terminal.type("acadamic nonsense")
    terminal.hear("word 1, 'acadamic', is not in the list")
    terminal.hear(ASKED)
    terminal.type(sealed.shares[0])
    terminal.hear("1 of the 2 shares")
    terminal.hear(ASKED)
    terminal.type("")
    terminal.hear("Ctrl-C leaves")
    assert sealed.bring(sealed.shares[1]).returncode == 0
    terminal.hear("the server serves")
    assert terminal.end() == 0
    assert sealed.shares[0] not in terminal.said, "it is not shown"


def test_who_leaves_while_waiting_leaves_the_share_there(sealed: SealedServer) -> None:
    terminal = Terminal(sealed.live, "unseal", "--share")
    terminal.hear(ASKED)
    terminal.type(sealed.shares[0])
    terminal.hear("1 of the 2 shares")
    terminal.hear(ASKED)
    terminal.type("")
    terminal.hear("Ctrl-C leaves")
    os.kill(terminal.pid, signal.SIGINT)
    assert terminal.end() == 0
    assert "Traceback" not in terminal.said
    assert control.outcome(sealed.live.data_dir, do="status")["have"] == 1
    assert sealed.health() == (503, "sealed")


def test_a_sealed_server_ends_in_order_while_somebody_watches(sealed: SealedServer) -> None:
    watching = watch(sealed)
    assert watching.stdout is not None
    assert watching.stdout.readline()
    began = time.monotonic()
    sealed.live.stop()
    assert time.monotonic() - began < 5
    assert watching.stdout.read() == ""
    assert watching.wait(10) == 0
    watching.stdout.close()


def test_what_was_done_while_sealed_is_in_the_audit_once_it_is_open(sealed: SealedServer) -> None:
    sealed.bring("no share at all")
    sealed.unseal()
    sealed.seal()
    sealed.unseal()
    sealed.live.stop()
    two = "\n".join(sealed.shares[:2])
    sealed.live.manage("vault", "rewrap", "--add", "keyfile", "--stdin", stdin=f"{PASSPHRASE}\n{two}\n")
    told = [
        (event, details.get("outcome"))
        for event, details in events_of(sealed.live)
        if event.startswith(("vault_unseal", "vault_sealed"))
    ]
    attempt, opened = "vault_unseal_attempt", ("vault_unsealed", None)
    once = [(attempt, "gathered"), (attempt, "opened")]
    assert told[:4] == [(attempt, "refused"), *once, opened]
    assert told[4:8] == [("vault_sealed", "sealed"), *once, opened]


def events_of(server: LiveServer) -> list[tuple[str, dict[str, Any]]]:
    """The audit's rows of the server itself, oldest first, read past the server."""
    done = subprocess.run(
        [sys.executable, "-c", EVENTS],
        env=server.env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [(event, json.loads(details)) for event, details in json.loads(done.stdout)]


EVENTS = """
import json, django
django.setup()
from audit.models import AuditRow
rows = AuditRow.objects.filter(chain="server").order_by("sequence")
print(json.dumps([(row.event, row.details) for row in rows]))
"""


def test_a_vault_whose_every_way_in_is_gone_does_not_start(tmp_path: Path) -> None:
    server = LiveServer(tmp_path)
    try:
        server.start()
        server.stop()
        (server.data_dir / "root.key").unlink()
        with pytest.raises(ServerFailed, match="root key"):
            server.start()
    finally:
        server.close()


def test_sealing_while_the_server_is_brought_up_keeps_it_sealed(sealed: SealedServer) -> None:
    folder = sealed.live.data_dir
    control.outcome(folder, do="unseal", by="share", answer=sealed.shares[0])
    with ThreadPoolExecutor() as pool:
        opening = pool.submit(control.outcome, folder, do="unseal", by="share", answer=sealed.shares[1])
        # Its prepare child and those who work are there: the root key is on its way.
        deadline = time.monotonic() + 20
        while len(sealed.live.pids()) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        done = sealed.command("seal")
        assert done.returncode == 0, done.stderr
        assert len(sealed.live.pids()) == 2, "what was brought up has ended before it is said"
        assert "sealed meanwhile" in opening.result(20)["error"]
    assert sealed.health() == (503, "sealed")
    assert control.outcome(folder, do="status")["have"] == 0
    sealed.unseal()
    assert sealed.health() == (200, "ok")


def test_two_right_passphrases_at_once_are_both_answered_at_once(sealed: SealedServer) -> None:
    folder = sealed.live.data_dir
    with ThreadPoolExecutor() as pool:
        both = [
            pool.submit(control.outcome, folder, do="unseal", by="passphrase", answer=PASSPHRASE)
            for _ in range(2)
        ]
        assert [each.result(60) for each in both] == [{"state": "serving"}] * 2
    assert sealed.health() == (200, "ok")


def test_a_forged_share_blocks_nobody_and_is_named_once_the_vault_is_open(sealed: SealedServer) -> None:
    genuine = shares.read(sealed.shares[0])
    assert "another set" in sealed.bring(replace(genuine, extendable=False).mnemonic()).stderr
    assert sealed.bring(replace(genuine, value=bytes(32)).mnemonic()).returncode == 0
    assert "forged" in sealed.bring(sealed.shares[1]).stderr
    opened = sealed.bring(sealed.shares[0])
    assert opened.returncode == 0
    assert "Share 1 as it was brought is forged" in opened.stderr
    assert sealed.health() == (200, "ok")


@pytest.fixture
def both_ways(tmp_path: Path) -> Iterator[LiveServer]:
    """A server, not started, that a key file opens, and a passphrase."""
    server = LiveServer(tmp_path)
    try:
        server.make_place()
        protect = ("--protect", "keyfile", "--protect", "passphrase")
        server.manage("vault", "init", *protect, "--stdin", stdin=f"{PASSPHRASE}\n")
        yield server
    finally:
        server.close()


def noted_at(server: LiveServer) -> list[tuple[str, str]]:
    lines = (server.data_dir / attempts.NAME).read_text().splitlines()
    return [(each["kind"], each["outcome"]) for each in map(json.loads, lines)]


def test_a_start_that_waits_for_people_because_the_key_file_is_unsafe_says_so(both_ways: LiveServer) -> None:
    (both_ways.data_dir / "root.key").chmod(0o644)
    both_ways.start_sealed("--migrate")
    assert "does not open by itself: the root key at" in log_of(both_ways)
    assert "has mode 0644" in log_of(both_ways)
    assert noted_at(both_ways) == [("keyfile", "refused")]


def test_a_vault_file_that_was_changed_stops_the_start_though_people_could_be_asked(
    both_ways: LiveServer,
) -> None:
    path = both_ways.data_dir / vaultfile.NAME
    whole = json.loads(path.read_text())
    whole["current"]["protectors"].pop()
    whole["current"]["protectors"].append(whole["current"]["protectors"][0] | {"kind": "passphrase"})
    path.write_text(json.dumps(whole))
    with pytest.raises(ServerFailed, match="was changed by somebody who does not hold the root key"):
        both_ways.start_sealed("--migrate")
    assert noted_at(both_ways) == [("keyfile", "refused")]
