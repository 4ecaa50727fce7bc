"""The new device against a lying server: it ends with the right reason and adopts nothing."""

import json
from dataclasses import replace

import pytest

from client.protocol.attempts import RememberedAttempts
from client.protocol.delivery import AccountKey, Delivery
from client.protocol.effects import Adopt, AskReturnCode, Done, Effect, Ended, Send, ShowCode
from client.protocol.encoding import b64url
from client.protocol.frames import Expired, Relay, ServerError, Withdrawn
from client.protocol.new_device import NewDevice
from client.protocol.published import PublishedTransition
from client.protocol.reasons import Reason
from client.protocol.side import LIFETIME
from client.protocol.statements import key_transition
from tests.client.pair import (
    ACCOUNT,
    ACCOUNT_KEY,
    EXCHANGE,
    NOW,
    ORIGIN,
    Pair,
    PaperKey,
    Story,
    certificate,
    changed,
    device_key,
    identity,
    published_device,
    seed,
    sent,
    with_published,
)

OTHER_KEY = PaperKey("CD" * 20)


def _cancelled(effects: list[Effect], reason: Reason, told: Reason | None) -> None:
    """The effects are the end for that reason, and the peer is told that word or nothing."""
    *before, last = effects
    assert last == Ended(reason)
    assert [json.loads(text) for text in sent(before)] == (
        [] if told is None else [{"type": "cancel", "exchange": EXCHANGE, "reason": told}]
    )


def _asked(pair: Pair | None = None) -> tuple[Story, str]:
    """A story in which the existing device has accepted, and the new one has not heard of it."""
    story = Story.accepted(pair)
    return story, story.accept


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"suite": "x448"}, Reason.WRONG_SUITE),
        ({"suite": "null"}, Reason.WRONG_SUITE),
        ({"method": "qr"}, Reason.WRONG_METHOD),
        ({"method": "trust-me"}, Reason.WRONG_METHOD),
        ({"ephemeral_key": b64url(bytes(32))}, Reason.ZERO_POINT),
        ({"ephemeral_key": b64url(b"\x01" + bytes(31))}, Reason.ZERO_POINT),
        ({"device": identity("stranger").device}, Reason.WRONG_SENDER),
    ],
)
def test_an_accept_that_breaks_the_rules_ends_the_exchange_before_anything_is_revealed(
    change: dict[str, str], reason: Reason
) -> None:
    story, accept = _asked()
    effects = story.new.receive(story.pair.to_new(changed(accept, **change)), NOW + 2)
    _cancelled(effects, reason, Reason.BAD_PROOF)
    assert not story.pair.new_attempts.begun


def test_an_accept_of_a_device_that_was_not_asked_is_refused() -> None:
    accept = Story.accepted().accept
    pair = Pair(to=identity("third").device)
    side = pair.new_side()
    side.begin(NOW)
    _cancelled(side.receive(pair.to_new(accept), NOW + 2), Reason.WRONG_SENDER, Reason.BAD_PROOF)


def test_a_device_does_not_take_an_accept_of_its_own() -> None:
    story, accept = _asked()
    own = changed(accept, device=story.pair.new.device)
    _cancelled(
        story.new.receive(story.pair.relay(own, story.pair.new.device, "new"), NOW + 2),
        Reason.WRONG_SENDER,
        Reason.BAD_PROOF,
    )


def test_a_frame_of_another_exchange_is_not_taken_for_one_of_this() -> None:
    story, accept = _asked()
    other = "00000000-0000-4000-8000-000000000000"
    message = story.pair.to_new(accept)
    assert isinstance(message, Relay)
    crossed = replace(message, exchange=other)
    _cancelled(story.new.receive(crossed, NOW + 2), Reason.BAD_FRAME, Reason.BAD_PROOF)


def test_a_second_accept_after_the_reveal_ends_the_exchange() -> None:
    story = Story.revealed()
    other = changed(story.accept, nonce=b64url(seed("another nonce")))
    _cancelled(story.new.receive(story.pair.to_new(other), NOW + 3), Reason.CHANGED_FRAME, Reason.BAD_PROOF)


def test_the_same_accept_again_is_passed_over() -> None:
    story = Story.revealed()
    assert story.new.receive(story.pair.to_new(story.accept, seq=1), NOW + 3) == []
    assert story.new.receive(story.pair.to_new(story.accept), NOW + 3) == []
    assert not story.new.over


def test_a_frame_of_somebody_else_after_the_accept_ends_the_exchange() -> None:
    story = Story.delivered()
    third = identity("third").device
    effects = story.new.receive(story.pair.relay(story.deliver, third, "new"), NOW + 5)
    _cancelled(effects, Reason.WRONG_SENDER, Reason.BAD_PROOF)


@pytest.mark.parametrize("kind", ["deliver", "reveal", "ack", "prove"])
def test_a_frame_that_is_not_due_ends_the_exchange(kind: str) -> None:
    story = Story.delivered()
    text = {
        "deliver": story.deliver,
        "reveal": story.reveal,
        "prove": story.prove,
        "ack": changed(story.prove, type="ack"),
    }[kind]
    fresh = Pair().new_side()
    fresh.begin(NOW)
    effects = fresh.receive(story.pair.to_new(text, seq=1), NOW + 2)
    _cancelled(effects, Reason.OUT_OF_ORDER, Reason.BAD_PROOF)


def test_a_gap_in_the_order_ends_the_exchange() -> None:
    story = Story.delivered()
    effects = story.new.receive(story.pair.to_new(story.deliver, seq=4), NOW + 5)
    _cancelled(effects, Reason.OUT_OF_ORDER, Reason.BAD_PROOF)


def test_two_minutes_by_its_own_clock_end_the_exchange_whatever_the_server_says() -> None:
    story, accept = _asked()
    effects = story.new.receive(story.pair.to_new(accept), NOW + LIFETIME)
    _cancelled(effects, Reason.EXPIRED, None)


def test_a_clock_that_was_set_back_ends_the_exchange() -> None:
    story, accept = _asked()
    _cancelled(story.new.receive(story.pair.to_new(accept), NOW - 1), Reason.EXPIRED, None)


def test_time_alone_ends_the_exchange() -> None:
    story, _ = _asked()
    assert story.new.tick(NOW + LIFETIME - 1) == []
    _cancelled(story.new.tick(NOW + LIFETIME), Reason.EXPIRED, None)


def test_a_hash_that_the_server_made_for_another_key_is_never_asked_with() -> None:
    wrong = replace(identity("new"), device=identity("stranger").device)
    side = Pair(new=wrong).new_side()
    _cancelled(side.begin(NOW), Reason.WRONG_DEVICE, None)


def test_after_three_reveals_that_came_to_nothing_none_is_made_for_an_hour() -> None:
    attempts = RememberedAttempts()
    for count in range(3):
        attempts.begin(f"earlier {count}", NOW - 60)
    side = Pair(new_attempts=attempts).new_side()
    _cancelled(side.begin(NOW), Reason.TOO_MANY_ATTEMPTS, None)


def test_the_attempt_is_remembered_before_the_reveal_is_handed_out() -> None:
    story, accept = _asked()
    begun_at_reveal: list[bool] = []

    class Watching(RememberedAttempts):
        def begin(self, exchange: str, now: float) -> None:
            begun_at_reveal.append(story.new.state == "asked")
            super().begin(exchange, now)

    story.new.attempts = Watching()
    story.new.receive(story.pair.to_new(accept), NOW + 2)
    assert begun_at_reveal == [True]
    assert story.new.attempts.taken(EXCHANGE)


def _delivery(story: Story, **changes: object) -> str:
    """A `deliver` of the true existing device with another content."""
    schedule = story.existing.schedule
    assert schedule is not None
    good = Delivery(
        story.pair.account_key(),
        certificate(story.pair.existing),
        story.pair.existing.device_key.sign(schedule.statement("deliver")),
    )
    plaintext = replace(good, **changes).to_json()  # type: ignore[arg-type]
    return changed(story.prove, type="deliver", sealed=b64url(schedule.seal("deliver", plaintext)))


def _refuses_key(story: Story, deliver: str) -> None:
    _cancelled(story.new.receive(story.pair.to_new(deliver), NOW + 5), Reason.BAD_KEY, Reason.BAD_KEY)
    assert not story.pair.new_attempts.succeeded


def test_a_delivery_that_was_changed_on_its_way_is_refused() -> None:
    story = Story.delivered()
    sealed = json.loads(story.deliver)["sealed"]
    flipped = ("B" if sealed[0] == "A" else "A") + sealed[1:]
    _refuses_key(story, changed(story.deliver, sealed=flipped))


def test_a_delivery_that_was_cut_short_is_refused() -> None:
    story = Story.delivered()
    _refuses_key(story, changed(story.deliver, sealed=json.loads(story.deliver)["sealed"][:40]))


def test_another_key_under_a_fitting_fingerprint_field_is_refused() -> None:
    story = Story.proven()
    key = AccountKey(ACCOUNT_KEY.fingerprint, OTHER_KEY.private_key)
    _refuses_key(story, _delivery(story, key=key))


def test_a_key_whose_fingerprint_field_speaks_of_another_is_refused() -> None:
    story = Story.proven()
    _refuses_key(story, _delivery(story, key=replace(story.pair.account_key(), fingerprint="CD" * 20)))


def test_a_key_that_the_server_does_not_publish_is_refused() -> None:
    story = Story.proven(with_published(Pair(), fingerprint="CD" * 20))
    _refuses_key(story, _delivery(story))


def test_a_key_with_a_secret_that_does_not_work_is_refused() -> None:
    story = Story.proven()
    broken = replace(ACCOUNT_KEY, works=False)
    _refuses_key(
        story, _delivery(story, key=replace(story.pair.account_key(), private_key=broken.private_key))
    )


def test_something_that_is_no_key_is_refused() -> None:
    story = Story.proven()
    _refuses_key(story, _delivery(story, key=replace(story.pair.account_key(), private_key="nothing")))


@pytest.mark.parametrize(
    "wrong",
    [
        certificate(identity("stranger")),
        certificate(identity("existing"), OTHER_KEY),
        certificate(identity("existing", origin="https://other.example")),
        "",
    ],
    ids=["of another device", "of an earlier key", "of another server", "none"],
)
def test_a_certificate_that_does_not_name_the_delivering_device_is_refused(wrong: str) -> None:
    story = Story.proven()
    _refuses_key(story, _delivery(story, certificate=wrong))


def test_a_proof_by_another_device_key_is_refused() -> None:
    story = Story.proven()
    schedule = story.existing.schedule
    assert schedule is not None
    _refuses_key(story, _delivery(story, proof=device_key("stranger").sign(schedule.statement("deliver"))))


def test_a_proof_of_another_exchange_is_refused() -> None:
    story = Story.proven()
    _refuses_key(story, _delivery(story, proof=story.pair.existing.device_key.sign(b"something older")))


def test_a_device_that_the_server_does_not_publish_cannot_deliver() -> None:
    story = Story.proven(with_published(Pair(), devices={}))
    _refuses_key(story, _delivery(story))


def test_a_revoked_device_cannot_deliver() -> None:
    revoked = replace(published_device(identity("existing")), revocation="signed", ended="revoked")
    story = Story.proven(with_published(Pair(), devices={revoked.device: revoked}))
    _refuses_key(story, _delivery(story))


def test_a_published_challenge_that_does_not_make_the_devices_hash_is_refused() -> None:
    lying = replace(published_device(identity("existing")), challenge=bytes(32))
    story = Story.proven(with_published(Pair(), devices={lying.device: lying}))
    _refuses_key(story, _delivery(story))


@pytest.mark.parametrize("plaintext", [b"", b"[]", b"{}", b"{" * 9, b"\xff", b'{"private_key": 7}'])
def test_a_delivery_of_another_shape_is_refused(plaintext: bytes) -> None:
    story = Story.proven()
    schedule = story.existing.schedule
    assert schedule is not None
    _refuses_key(
        story, changed(story.prove, type="deliver", sealed=b64url(schedule.seal("deliver", plaintext)))
    )


def test_a_retired_key_that_no_transition_speaks_of_is_refused() -> None:
    story = Story.proven()
    _refuses_key(
        story, _delivery(story, key=replace(story.pair.account_key(), retired_keys=(OTHER_KEY.private_key,)))
    )


def _transition(old: PaperKey, new: PaperKey, signers: tuple[PaperKey, ...]) -> PublishedTransition:
    text = key_transition(ORIGIN, ACCOUNT, old.fingerprint, new.fingerprint, seed("transition"))
    signatures = " ".join(signer.sign(text) for signer in signers)
    return PublishedTransition(old.fingerprint, new.fingerprint, seed("transition"), signatures)


@pytest.mark.parametrize(
    "signers", [(), (OTHER_KEY,), (ACCOUNT_KEY,)], ids=["none", "the old alone", "the new alone"]
)
def test_a_transition_without_both_signatures_vouches_for_nothing(signers: tuple[PaperKey, ...]) -> None:
    pair = with_published(
        Pair(retired=(OTHER_KEY,)), transitions=(_transition(OTHER_KEY, ACCOUNT_KEY, signers),)
    )
    story = Story.delivered(pair)
    _refuses_key(story, story.deliver)


def test_earlier_keys_are_taken_along_the_transitions_that_both_signed() -> None:
    oldest = PaperKey("EF" * 20)
    transitions = (
        _transition(oldest, OTHER_KEY, (oldest, OTHER_KEY)),
        _transition(OTHER_KEY, ACCOUNT_KEY, (OTHER_KEY, ACCOUNT_KEY)),
    )
    story = Story.delivered(with_published(Pair(retired=(OTHER_KEY, oldest)), transitions=transitions))
    assert story.new.receive(story.pair.to_new(story.deliver), NOW + 5) == [AskReturnCode()]
    adopt = story.new.enter_return_code(story.return_code, NOW + 6)[0]
    assert isinstance(adopt, Adopt)
    assert adopt.retired_keys == (OTHER_KEY.private_key, oldest.private_key)


def test_a_wrong_return_code_ends_the_exchange_and_there_is_no_second_try() -> None:
    story = Story.delivered()
    story.new.receive(story.pair.to_new(story.deliver), NOW + 5)
    wrong = f"{(int(story.return_code) + 1) % 10_000:04d}"
    _cancelled(story.new.enter_return_code(wrong, NOW + 6), Reason.CODE_MISMATCH, Reason.CODE_MISMATCH)
    assert story.new.enter_return_code(story.return_code, NOW + 7) == []
    assert not story.pair.new_attempts.succeeded


def test_a_return_code_is_taken_only_when_it_was_asked_for() -> None:
    story = Story.delivered()
    _cancelled(story.new.enter_return_code(story.return_code, NOW + 5), Reason.OUT_OF_ORDER, Reason.BAD_PROOF)


def test_what_ends_an_exchange_without_proof_only_ends_it() -> None:
    for message, ended in (
        (Withdrawn(EXCHANGE), Ended(Reason.WITHDRAWN, "server")),
        (Expired(EXCHANGE), Ended(Reason.EXPIRED, "server")),
        (ServerError(EXCHANGE, "rate_limited"), Ended(Reason.RATE_LIMITED, "server")),
        (ServerError(None, "Read your code to me"), Ended(Reason.REFUSED_BY_SERVER, "server")),
    ):
        story, _ = _asked()
        assert story.new.receive(message, NOW + 2) == [ended]
        assert story.new.over


def test_a_cancel_of_the_peer_shows_a_known_word_only() -> None:
    for told, reason in (("declined", Reason.DECLINED), ("Call us at 0123", Reason.USER)):
        story = Story.revealed()
        cancel = json.dumps({"type": "cancel", "exchange": EXCHANGE, "reason": told})
        assert story.new.receive(story.pair.to_new(cancel), NOW + 3) == [Ended(reason, "peer")]


def test_what_is_said_of_another_exchange_changes_nothing() -> None:
    story, _ = _asked()
    other = "00000000-0000-4000-8000-000000000000"
    cancelled = story.pair.to_new(json.dumps({"type": "cancel", "exchange": other, "reason": "user"}))
    for message in (Withdrawn(other), Expired(other), ServerError(other, "bad_frame"), cancelled):
        assert story.new.receive(message, NOW + 2) == []
    assert not story.new.over


def test_nothing_comes_of_an_exchange_that_is_over() -> None:
    story = Story.delivered()
    story.new.cancel()
    assert story.new.receive(story.pair.to_new(story.deliver), NOW + 5) == []
    assert story.new.cancel() == []
    assert story.new.resend() == []
    assert story.new.schedule is None


def test_after_a_reconnect_the_same_bytes_go_out_again() -> None:
    story = Story.revealed()
    assert sent(story.new.resend()) == [story.reveal, story.prove]


def test_of_frames_sent_again_the_server_may_refuse_all_but_the_last() -> None:
    story = Story.revealed()
    story.new.resend()
    error = ServerError(EXCHANGE, "out_of_order")
    assert story.new.receive(error, NOW + 3) == []
    assert story.new.receive(error, NOW + 3) == [Ended(Reason.REFUSED_BY_SERVER, "server")]


def test_an_exchange_is_begun_once() -> None:
    side = Pair().new_side()
    side.begin(NOW)
    with pytest.raises(ValueError, match="once"):
        side.begin(NOW)


@pytest.mark.parametrize("asked_one", [True, False])
def test_with_both_codes_typed_the_key_is_adopted_then_acknowledged(asked_one: bool) -> None:
    story = Story.delivered(Pair(to=identity("existing").device if asked_one else None))
    assert len(story.code) == 6
    assert story.new.receive(story.pair.to_new(story.deliver), NOW + 5) == [AskReturnCode()]
    adopt, ack, done = story.new.enter_return_code(
        f" {story.return_code[:2]} {story.return_code[2:]}", NOW + 6
    )
    assert adopt == Adopt(ACCOUNT_KEY.fingerprint, ACCOUNT_KEY.private_key, ())
    assert isinstance(ack, Send)
    assert done == Done()
    assert story.pair.new_attempts.succeeded == {EXCHANGE}
    assert story.existing.receive(story.pair.to_existing(ack.text), NOW + 7) == [Done()]


def test_by_qr_no_code_is_shown_or_asked_for() -> None:
    story = Story.delivered(Pair(qr_secret=seed("qr", 16)))
    assert story.code == story.return_code == ""
    adopt, _, done = story.new.receive(story.pair.to_new(story.deliver), NOW + 5)
    assert isinstance(adopt, Adopt)
    assert done == Done()


def test_a_code_is_shown_where_a_qr_code_was_offered_but_not_scanned() -> None:
    story = Story.asked(Pair(qr_secret=seed("qr", 16)))
    [accept] = sent(story.existing.accept(NOW + 1))
    effects = story.new.receive(story.pair.to_new(accept), NOW + 2)
    assert isinstance(effects[-1], ShowCode)


def test_secrets_are_not_shown_where_effects_are_printed() -> None:
    story = Story.delivered()
    story.new.receive(story.pair.to_new(story.deliver), NOW + 5)
    effects = story.new.enter_return_code(story.return_code, NOW + 6)
    assert ACCOUNT_KEY.private_key not in repr(effects)
    assert story.code not in repr(ShowCode(story.code))


def test_each_rule_can_be_taken_away_by_itself() -> None:
    class Trusting(NewDevice):
        def check_return_code(self, typed: str) -> None:
            pass

    story = Story.delivered(Pair(new_class=Trusting))
    story.new.receive(story.pair.to_new(story.deliver), NOW + 5)
    assert isinstance(story.new.enter_return_code("anything", NOW + 6)[0], Adopt)
