"""The server sits between two real devices and plays each towards the other."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from client.protocol.encoding import lp
from client.protocol.frames import Accept, Request, Reveal
from client.protocol.keyexchange import Transcript, shared_secret, suites_text
from client.protocol.reasons import Reason
from tests.hostile.attack import AttackFailed, body_of
from tests.hostile.impostors import InTheMiddle, make_transcript
from tests.hostile.world import Role

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

TRIES = 12_000_000
"""Six in a million searches find nothing in so many."""


class SwappedKeys(InTheMiddle):
    """Swaps every key on the way and runs both halves; the user types what the new device shows."""

    name = "swapped_keys"
    check = "check_code"
    ending = Reason.CODE_MISMATCH

    def on_request(self, request: Request) -> None:
        super().on_request(request)
        self.ask()


class CommitmentOpenedWrongly(InTheMiddle):
    """Reveals another nonce than it committed to: one that gives the existing device the new one's code."""

    name = "commitment_opened_wrongly"
    check = "check_commitment"
    ending = Reason.BAD_COMMITMENT

    def shown(self, role: Role, digits: str) -> None:
        # The new device is done with: its code is what the search is for.
        if role == "new":
            self.wanted = digits
            super().shown(role, digits)
            self.ask()

    def on_accept(self, accept: Accept) -> None:
        shared = shared_secret(self.new.ephemeral_key, accept.ephemeral_key)
        nonce = search(self.transcripts(accept), shared, self.wanted)
        self.new = replace(self.new, nonce=nonce)
        self.before_opening()
        super().on_accept(accept)

    def transcripts(self, accept: Accept) -> Callable[[bytes], bytes]:
        """T for each nonce of the played device."""
        reveal = Reveal(self.request.exchange, self.new.ephemeral_public, bytes(32))
        head = _hashed(make_transcript(self, self.request, accept, reveal), until="new_nonce")
        return lambda nonce: _finish(head, nonce)

    def before_opening(self) -> None:
        """The search has found its nonce."""


class SecondRequest(CommitmentOpenedWrongly):
    """After the tap, replaces the request by one that commits to what the search found."""

    name = "second_request"
    check = "check_same_request"
    ending = Reason.CHANGED_FRAME

    def transcripts(self, accept: Accept) -> Callable[[bytes], bytes]:
        new, request = self.new, self.request
        reveal = Reveal(request.exchange, new.ephemeral_public, bytes(32))
        text = make_transcript(self, request, accept, reveal)
        head = _hashed(text, until="commitment")
        # What is hashed between the commitment and the nonce.
        between = (
            lp(
                text.existing_device,
                text.existing_device_key,
                text.existing_ephemeral_key,
                text.existing_nonce,
                text.new_ephemeral_key,
            )
            + _LENGTH
        )
        opening = hashlib.sha256(
            lp(
                "hvx-kx/1 commit",
                request.exchange,
                suites_text(request.suites),
                new.device,
                new.public_key,
                new.ephemeral_public,
            )
            + _LENGTH
        )
        return lambda nonce: _finish(head, _finish(opening, nonce) + between + nonce)

    def before_opening(self) -> None:
        self.request = self.make_request(self.request.exchange)
        self.send_request()


class SecondAccept(InTheMiddle):
    """Accepts again after the reveal, by a nonce with which the new device shows the existing one's code."""

    name = "second_accept"
    victim = "new"
    check = "check_repeat"
    ending = Reason.CHANGED_FRAME

    def prepare(self) -> None:
        super().prepare()
        self.codes_shown = 0

    def on_request(self, request: Request) -> None:
        self.their_request = request
        self.ask()

    def on_accept(self, accept: Accept) -> None:
        super().on_accept(accept)
        self.accept = self.make_accept()
        self.send_accept()

    def on_reveal(self, reveal: Reveal) -> None:
        if self.codes_shown:
            return
        super().on_reveal(reveal)
        shared = shared_secret(self.existing.ephemeral_key, reveal.ephemeral_key)
        text = make_transcript(self, self.their_request, self.accept, reveal)
        head = _hashed(text, until="existing_nonce")
        tail = lp(reveal.ephemeral_key, reveal.nonce)
        nonce = search(lambda nonce: _finish(head, nonce + tail), shared, self.with_existing.code())
        self.accept = replace(self.accept, nonce=nonce)
        self.codes_shown += 1
        self.send_accept()

    def shown(self, role: Role, digits: str) -> None:
        # The user types late, and what stands on the screen by then.
        if digits == self.with_existing.code():
            super().shown(role, digits)


class Crossed(InTheMiddle):
    """Crosses two exchanges: the new device gets the accept of another one."""

    name = "crossed"
    victim = "new"
    check = "check_exchange"
    ending = Reason.BAD_FRAME

    def on_request(self, request: Request) -> None:
        self.their_request = request
        self.ask()

    def on_accept(self, accept: Accept) -> None:
        self.their_accept = accept
        here = replace(accept, exchange=self.their_request.exchange)
        self.relay("new", here, frame=body_of(accept), **{"from": accept.device})

    def on_reveal(self, reveal: Reveal) -> None:
        self.win("the new device opened its commitment in another exchange")


IN_THE_MIDDLE = (SwappedKeys, CommitmentOpenedWrongly, SecondRequest, SecondAccept, Crossed)


_LENGTH = (32).to_bytes(4, "big")


def search(transcript: Callable[[bytes], bytes], shared: bytes, code: str) -> bytes:
    """The nonce with which `code` is the code, found by trying: a million tries on average.

    `transcript` gives T for a nonce. Derives as `Schedule` does, without its objects, for speed.
    """
    wanted = int(code)
    for tried in range(TRIES):
        nonce = tried.to_bytes(32, "big")
        prk = hmac.digest(transcript(nonce), shared, "sha256")
        first = hmac.digest(prk, b"hvx-kx/1 code\x01", "sha256")
        if int.from_bytes(first[:8], "big") % 1_000_000 == wanted:
            return nonce
    raise AttackFailed("the search found no nonce")


def _hashed(text: Transcript, *, until: str) -> "Hash":
    """The hash of a transcript up to the 32 bytes of a field."""
    names = [part.name for part in fields(text)]
    parts: list[bytes | str] = [getattr(text, name) for name in names[: names.index(until)]]
    return hashlib.sha256(lp("hvx-kx/1 transcript", *parts) + _LENGTH)


def _finish(head: "Hash", rest: bytes) -> bytes:
    hashed = head.copy()
    hashed.update(rest)
    return hashed.digest()
