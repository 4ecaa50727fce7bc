"""The existing device against a lying server: only the device before its user gets the key."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.protocol.attempts import RememberedAttempts
from client.protocol.delivery import AccountKey
from client.protocol.effects import AskCode, Done, Effect, Ended, HandOver, ShowReturnCode
from client.protocol.encoding import b64url
from client.protocol.existing_device import ExistingDevice
from client.protocol.frames import Expired, Message, ServerError, Withdrawn
from client.protocol.keyexchange import Schedule, Transcript, commitment, shared_secret
from client.protocol.qr import QRCode
from client.protocol.reasons import Reason
from client.protocol.side import LIFETIME
from tests.client.pair import (
    ACCOUNT,
    ACCOUNT_KEY,
    EXCHANGE,
    NOW,
    ORIGIN,
    Pair,
    Story,
    changed,
    device_key,
    ephemeral_key,
    identity,
    seed,
    sent,
)


def _ends(effects: list[Effect], reason: Reason, told: Reason | None) -> None:
    *before, last = effects
    assert last == Ended(reason)
    assert [json.loads(text) for text in sent(before)] == (
        [] if told is None else [{"type": "cancel", "exchange": EXCHANGE, "reason": told}]
    )


def _offered(pair: Pair, **changes: object) -> ExistingDevice:
    """The existing side before a request that was changed on its way."""
    [request] = sent(pair.new_side().begin(NOW))
    return pair.existing_side(pair.offer(changed(request, **changes)))


STRANGER = identity("stranger")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device_key": b64url(STRANGER.public_key)}, Reason.WRONG_DEVICE),
        ({"challenge": b64url(STRANGER.challenge)}, Reason.WRONG_DEVICE),
        ({"suites": ["x448"]}, Reason.WRONG_SUITE),
        ({"to": STRANGER.device}, Reason.WRONG_SENDER),
        ({"device": STRANGER.device}, Reason.WRONG_SENDER),
    ],
)
def test_an_offer_that_was_tampered_with_is_never_shown(changes: dict[str, object], reason: Reason) -> None:
    _ends(_offered(Pair(), **changes).examine(NOW), reason, Reason.BAD_PROOF)


def test_a_device_of_another_account_is_never_offered_this_key() -> None:
    mallory = identity("new", account="mallory@example.org")
    side = _offered(Pair(new=mallory))
    _ends(side.examine(NOW), Reason.WRONG_DEVICE, Reason.BAD_PROOF)


def test_a_device_does_not_ask_itself() -> None:
    side = _offered(Pair(new=identity("existing")))
    _ends(side.examine(NOW), Reason.WRONG_SENDER, Reason.BAD_PROOF)


def test_an_exchange_that_was_taken_before_is_not_even_answered() -> None:
    attempts = RememberedAttempts()
    attempts.begin(EXCHANGE, NOW - 2 * 3600)
    side = _offered(Pair(existing_attempts=attempts))
    _ends(side.examine(NOW), Reason.USED_EXCHANGE, None)


def test_an_exchange_that_was_taken_between_question_and_answer_is_not_accepted() -> None:
    story = Story.asked()
    story.pair.existing_attempts.begin(EXCHANGE, NOW)
    _ends(story.existing.accept(NOW + 1), Reason.USED_EXCHANGE, None)


def test_after_three_accepts_that_came_to_nothing_none_is_made_for_an_hour() -> None:
    attempts = RememberedAttempts()
    for count in range(3):
        attempts.begin(f"earlier {count}", NOW - 60)
    side = _offered(Pair(existing_attempts=attempts))
    _ends(side.examine(NOW), Reason.TOO_MANY_ATTEMPTS, Reason.USER)


def test_the_attempt_is_remembered_before_the_accept_is_handed_out() -> None:
    story = Story.accepted()
    assert story.pair.existing_attempts.begun == {EXCHANGE: NOW + 1}
    assert not story.pair.existing_attempts.succeeded


def test_a_silent_abort_counts_as_an_attempt() -> None:
    story = Story.proven()
    story.existing.tick(NOW + LIFETIME)
    assert story.existing.over
    assert not story.pair.existing_attempts.succeeded


def test_nothing_is_accepted_that_was_not_examined() -> None:
    side = _offered(Pair())
    _ends(side.accept(NOW), Reason.OUT_OF_ORDER, None)


def test_a_second_different_request_under_the_same_id_ends_the_exchange() -> None:
    story = Story.accepted()
    other = story.pair.offer(changed(story.request, commitment=b64url(seed("another commitment"))))
    _ends(story.existing.receive(other, NOW + 2), Reason.CHANGED_FRAME, Reason.BAD_PROOF)


def test_the_same_offer_again_is_passed_over() -> None:
    story = Story.accepted()
    assert story.existing.receive(story.pair.offer(story.request), NOW + 2) == []
    assert not story.existing.over


@pytest.mark.parametrize(
    "change",
    [{"nonce": b64url(seed("another nonce"))}, {"ephemeral_key": b64url(seed("another key"))}],
    ids=["nonce", "ephemeral key"],
)
def test_a_reveal_that_does_not_open_the_commitment_ends_the_exchange(change: dict[str, str]) -> None:
    story = Story.revealed()
    effects = story.existing.receive(story.pair.to_existing(changed(story.reveal, **change)), NOW + 3)
    _ends(effects, Reason.BAD_COMMITMENT, Reason.BAD_COMMITMENT)


def test_a_point_of_low_order_ends_the_exchange_although_it_was_committed_to() -> None:
    pair = Pair()
    new = pair.new
    committed = commitment(EXCHANGE, ("x25519",), new.device, new.public_key, bytes(32), seed("nonce new"))
    [request] = sent(pair.new_side().begin(NOW))
    side = pair.existing_side(pair.offer(changed(request, commitment=b64url(committed))))
    side.examine(NOW)
    side.accept(NOW + 1)
    reveal = json.dumps(
        {
            "type": "reveal",
            "exchange": EXCHANGE,
            "ephemeral_key": b64url(bytes(32)),
            "nonce": b64url(seed("nonce new")),
        }
    )
    _ends(side.receive(pair.to_existing(reveal), NOW + 3), Reason.ZERO_POINT, Reason.BAD_PROOF)


@pytest.mark.parametrize("kind", ["prove", "ack", "accept", "deliver"])
def test_a_frame_that_is_not_due_ends_the_exchange(kind: str) -> None:
    story = Story.revealed()
    text = {
        "prove": story.prove,
        "ack": changed(story.prove, type="ack"),
        "deliver": changed(story.prove, type="deliver"),
        "accept": story.accept,
    }[kind]
    effects = story.existing.receive(story.pair.to_existing(text, seq=1), NOW + 3)
    _ends(effects, Reason.OUT_OF_ORDER, Reason.BAD_PROOF)


def test_a_reveal_before_the_users_yes_ends_the_exchange() -> None:
    told = Story.revealed()
    story = Story.asked()
    effects = story.existing.receive(story.pair.to_existing(told.reveal, seq=1), NOW + 3)
    _ends(effects, Reason.OUT_OF_ORDER, Reason.BAD_PROOF)


def test_a_reflected_frame_ends_the_exchange() -> None:
    story = Story.revealed()
    own = story.pair.existing.device
    effects = story.existing.receive(story.pair.relay(story.reveal, own, "existing"), NOW + 3)
    _ends(effects, Reason.WRONG_SENDER, Reason.BAD_PROOF)


@pytest.mark.parametrize("swap", ["device key", "transcript", "bits"])
def test_a_prove_that_the_asking_device_did_not_sign_ends_the_exchange(swap: str) -> None:
    story = Story.revealed()
    story.existing.receive(story.pair.to_existing(story.reveal), NOW + 3)
    schedule = story.existing.schedule
    assert schedule is not None
    signed = {
        "device key": device_key("stranger").sign(schedule.statement("prove")),
        "transcript": story.pair.new.device_key.sign(schedule.statement("deliver")),
        "bits": bytes(64),
    }[swap]
    prove = changed(story.prove, sealed=b64url(schedule.seal("prove", signed)))
    _ends(story.existing.receive(story.pair.to_existing(prove), NOW + 3), Reason.BAD_PROOF, Reason.BAD_PROOF)


def test_a_prove_that_does_not_open_ends_the_exchange() -> None:
    story = Story.revealed()
    story.existing.receive(story.pair.to_existing(story.reveal), NOW + 3)
    prove = changed(story.prove, sealed=b64url(bytes(80)))
    _ends(story.existing.receive(story.pair.to_existing(prove), NOW + 3), Reason.BAD_PROOF, Reason.BAD_PROOF)


def test_an_accept_that_was_changed_on_its_way_to_the_new_device_is_noticed() -> None:
    """Both transcripts differ, so what the new device seals does not open here."""
    story = Story.accepted()
    swapped = changed(story.accept, nonce=b64url(seed("another nonce")))
    reveal, prove = sent(story.new.receive(story.pair.to_new(swapped), NOW + 2))
    story.existing.receive(story.pair.to_existing(reveal), NOW + 3)
    _ends(story.existing.receive(story.pair.to_existing(prove), NOW + 3), Reason.BAD_PROOF, Reason.BAD_PROOF)


def test_a_wrong_code_ends_the_exchange_and_there_is_no_second_try() -> None:
    story = Story.proven()
    wrong = f"{(int(story.code) + 1) % 1_000_000:06d}"
    _ends(story.existing.enter_code(wrong, NOW + 4), Reason.CODE_MISMATCH, Reason.CODE_MISMATCH)
    assert story.existing.enter_code(story.code, NOW + 5) == []
    assert story.existing.deliver(story.pair.account_key(), NOW + 5) == []


@given(st.text(max_size=12))
def test_no_other_text_than_the_code_is_the_code(typed: str) -> None:
    story = Story.proven()
    effects = story.existing.enter_code(typed, NOW + 4)
    assert (effects == [HandOver()]) == (typed.replace(" ", "") == story.code)


def test_the_key_goes_out_only_after_the_code() -> None:
    story = Story.proven()
    _ends(story.existing.deliver(story.pair.account_key(), NOW + 4), Reason.OUT_OF_ORDER, Reason.BAD_PROOF)


def test_a_code_is_taken_only_when_it_was_asked_for() -> None:
    story = Story.accepted()
    _ends(story.existing.enter_code("000000", NOW + 2), Reason.OUT_OF_ORDER, Reason.BAD_PROOF)


def test_keys_that_do_not_fit_a_delivery_are_not_sent_in_part() -> None:
    story = Story.proven()
    story.existing.enter_code(story.code, NOW + 4)
    large = AccountKey(ACCOUNT_KEY.fingerprint, "x" * 33_000)
    _ends(story.existing.deliver(large, NOW + 4), Reason.BAD_KEY, Reason.BAD_KEY)


def test_two_minutes_by_its_own_clock_end_the_exchange() -> None:
    story = Story.proven()
    _ends(story.existing.enter_code(story.code, NOW + LIFETIME), Reason.EXPIRED, None)


def test_an_ack_that_does_not_open_or_holds_something_is_none() -> None:
    for plaintext in (None, b"x"):
        story = Story.delivered()
        schedule = story.existing.schedule
        assert schedule is not None
        sealed = bytes(16) if plaintext is None else schedule.seal("ack", plaintext)
        ack = changed(story.prove, type="ack", sealed=b64url(sealed))
        effects = story.existing.receive(story.pair.to_existing(ack), NOW + 5)
        _ends(effects, Reason.BAD_PROOF, Reason.BAD_PROOF)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://other.example"},
        {"commitment": seed("another commitment")},
        {"exchange": "00000000-0000-4000-8000-000000000000"},
    ],
    ids=["origin", "commitment", "exchange"],
)
def test_a_scanned_code_of_another_request_is_refused_before_the_accept(change: dict[str, object]) -> None:
    story = Story.asked(Pair(qr_secret=seed("qr", 16)))
    assert story.new.qr is not None
    qr: QRCode = replace(story.new.qr, **change)  # type: ignore[arg-type]
    _ends(story.existing.accept(NOW + 1, qr), Reason.WRONG_QR, Reason.BAD_PROOF)
    assert not story.pair.existing_attempts.begun


def test_who_did_not_see_the_qr_code_cannot_prove_by_it() -> None:
    story = Story.asked(Pair(qr_secret=seed("qr", 16)))
    assert story.new.qr is not None
    guessed = replace(story.new.qr, secret=seed("a guess", 16))
    [accept] = sent(story.existing.accept(NOW + 1, guessed))
    reveal, prove = sent(story.new.receive(story.pair.to_new(accept), NOW + 2))
    story.existing.receive(story.pair.to_existing(reveal), NOW + 3)
    effects = story.existing.receive(story.pair.to_existing(prove), NOW + 3)
    _ends(effects, Reason.BAD_PROOF, Reason.BAD_PROOF)


def test_declining_tells_the_new_device() -> None:
    story = Story.asked()
    _ends(story.existing.decline(), Reason.DECLINED, Reason.DECLINED)


@pytest.mark.parametrize(
    ("message", "ended"),
    [
        (Withdrawn(EXCHANGE), Ended(Reason.WITHDRAWN, "server")),
        (Expired(EXCHANGE), Ended(Reason.EXPIRED, "server")),
        (ServerError(EXCHANGE, "anything"), Ended(Reason.REFUSED_BY_SERVER, "server")),
    ],
)
def test_what_ends_an_exchange_without_proof_only_ends_it(message: Message, ended: Ended) -> None:
    story = Story.proven()
    assert story.existing.receive(message, NOW + 4) == [ended]
    assert story.existing.enter_code(story.code, NOW + 5) == []


def test_the_code_is_asked_for_after_the_prove_and_not_before() -> None:
    story = Story.revealed()
    assert story.existing.receive(story.pair.to_existing(story.reveal), NOW + 3) == []
    assert story.existing.receive(story.pair.to_existing(story.prove), NOW + 3) == [AskCode()]


def test_with_the_code_typed_the_key_goes_out_and_the_return_code_is_shown() -> None:
    story = Story.proven()
    assert story.existing.enter_code(f"{story.code[:3]} {story.code[3:]}", NOW + 4) == [HandOver()]
    deliver, shown = story.existing.deliver(story.pair.account_key(), NOW + 4)
    assert isinstance(shown, ShowReturnCode)
    assert len(shown.code) == 4
    assert story.existing.delivered
    assert story.pair.existing_attempts.succeeded == {EXCHANGE}
    assert sent([deliver]) == sent(story.existing.resend())


def test_by_qr_the_key_goes_out_without_a_code() -> None:
    story = Story.proven(Pair(qr_secret=seed("qr", 16)))
    effects = story.existing.deliver(story.pair.account_key(), NOW + 4)
    assert len(effects) == len(sent(effects)) == 1


def test_ephemeral_keys_are_let_go_of_at_the_end() -> None:
    story = Story.delivered()
    story.new.receive(story.pair.to_new(story.deliver), NOW + 5)
    [ack] = sent(story.new.enter_return_code(story.return_code, NOW + 6))
    assert story.existing.receive(story.pair.to_existing(ack), NOW + 7) == [Done()]
    for side in (story.new, story.existing):
        assert side.over
        assert side.schedule is None
        assert side._ephemeral_key is None


def test_a_relay_in_the_middle_with_keys_of_its_own_cannot_have_the_code_fit_but_by_chance() -> None:
    """The whole attack: two honest sides, and a server that speaks to each with its own key."""
    mallory = identity("mallory")
    own = ephemeral_key("mallory")
    own_public = own.public_key().public_bytes_raw()
    nonce = seed("nonce mallory")
    pair = Pair()
    [_request] = sent(pair.new_side().begin(NOW))
    # Towards E it must commit before it has seen E's key, so its key and nonce are fixed already.
    to_existing = {
        "device": mallory.device,
        "device_key": b64url(mallory.public_key),
        "challenge": b64url(mallory.challenge),
        "commitment": b64url(
            commitment(EXCHANGE, ("x25519",), mallory.device, mallory.public_key, own_public, nonce)
        ),
    }
    side = pair.existing_side(pair.offer(changed(_request, **to_existing), sender=mallory.device))
    assert side.examine(NOW) == []
    [accept] = sent(side.accept(NOW + 1))
    told = json.loads(accept)
    transcript = Transcript(
        ORIGIN,
        ACCOUNT,
        EXCHANGE,
        "x25519",
        "x25519",
        "code",
        mallory.device,
        mallory.public_key,
        commitment(EXCHANGE, ("x25519",), mallory.device, mallory.public_key, own_public, nonce),
        pair.existing.device,
        pair.existing.public_key,
        ephemeral_key("existing").public_key().public_bytes_raw(),
        seed("nonce existing"),
        own_public,
        nonce,
    )
    assert told["device"] == pair.existing.device
    schedule = Schedule.derive(
        transcript.digest(), shared_secret(own, ephemeral_key("existing").public_key().public_bytes_raw())
    )
    reveal = json.dumps(
        {"type": "reveal", "exchange": EXCHANGE, "ephemeral_key": b64url(own_public), "nonce": b64url(nonce)}
    )
    prove = json.dumps(
        {
            "type": "prove",
            "exchange": EXCHANGE,
            "sealed": b64url(schedule.seal("prove", mallory.device_key.sign(schedule.statement("prove")))),
        }
    )
    assert side.receive(pair.relay(reveal, mallory.device, "existing"), NOW + 2) == []
    assert side.receive(pair.relay(prove, mallory.device, "existing"), NOW + 2) == [AskCode()]
    # The user types what the true new device shows, which the relay could not choose.
    honest = Story.revealed()
    assert honest.code != schedule.code()
    _ends(side.enter_code(honest.code, NOW + 3), Reason.CODE_MISMATCH, Reason.CODE_MISMATCH)
