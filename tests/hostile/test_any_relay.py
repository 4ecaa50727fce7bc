"""Whatever a relay does with honest frames: no key but the account's is adopted, and every exchange ends."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile.attack import Honest
from tests.hostile.memory import MemoryStage
from tests.hostile.outcome import DONE
from tests.hostile.world import Role, Stage, World, other

FIELDS = (
    "commitment",
    "device",
    "device_key",
    "challenge",
    "ephemeral_key",
    "nonce",
    "sealed",
    "suite",
    "suites",
    "method",
    "to",
    "exchange",
    "type",
)

deeds = st.one_of(
    st.just(("pass",)),
    st.just(("drop",)),
    st.just(("repeat",)),
    st.just(("reflect",)),
    st.just(("hold",)),
    st.just(("cut",)),
    st.tuples(st.just("replay"), st.integers(0, 6)),
    st.tuples(st.just("swap"), st.sampled_from(FIELDS), st.integers(0, 6)),
    st.tuples(st.just("spoil"), st.sampled_from(FIELDS), st.text(max_size=44)),
    st.tuples(st.just("lie"), st.sampled_from(["seq", "from", "exchange"]), st.integers(0, 6)),
)


class AnyRelay(Honest):
    """Does to each frame what the play tells it, and passes on the rest."""

    name = "any"

    def __init__(self, world: World, stage: Stage, play: list[Any]) -> None:
        super().__init__(world, stage)
        self.play = play
        self.past: list[tuple[Role, dict[str, Any]]] = []
        self.held: list[tuple[Role, dict[str, Any]]] = []

    def say(self, role: Role, body: dict[str, Any]) -> None:
        deed = self.play.pop(0) if self.play else ("pass",)
        earlier = [past for _, past in self.past]
        self.past.append((role, deepcopy(body)))
        match deed:
            case ("drop",):
                return
            case ("hold",):
                self.held.append((role, body))
                return
            case ("repeat",):
                super().say(role, body)
            case ("reflect",):
                role = other(role)
            case ("cut",):
                self.stage.tell(role, json.dumps(body)[:-7])
                return
            case ("replay", position) if earlier:
                super().say(role, earlier[position % len(earlier)])
            case ("swap", field, position) if earlier and field in body.get("frame", {}):
                donor = earlier[position % len(earlier)].get("frame", {})
                body["frame"][field] = donor.get(field, body["frame"][field])
            case ("spoil", field, text) if field in body.get("frame", {}):
                body["frame"][field] = text
            case ("lie", field, position) if earlier:
                body[field] = earlier[position % len(earlier)].get(field, position)
        super().say(role, body)
        while self.held:
            super().say(*self.held.pop())


@settings(max_examples=500, deadline=None)
@given(play=st.lists(deeds, max_size=9))
def test_no_key_but_the_accounts_is_adopted_and_only_from_a_device_that_gave_it(play: list[Any]) -> None:
    class Play(AnyRelay):
        def __init__(self, world: World, stage: Stage) -> None:
            super().__init__(world, stage, list(play))

    stage = MemoryStage(Play)
    outcome = stage.play()
    truth = stage.world.truth
    assert truth is not None
    assert outcome.held in ([], [truth.fingerprint])
    if outcome.held:
        assert isinstance(stage.attack, Play)
        kinds = [past.get("frame", {}).get("type") for role, past in stage.attack.past if role == "new"]
        assert "deliver" in kinds
        assert DONE in outcome.endings["new"]
    if DONE in outcome.endings["existing"]:
        assert outcome.held == [truth.fingerprint]
    for device in (stage.new, stage.existing):
        assert device is not None
        if device.side is not None:
            device.now += 121
            device.perform(device.side.tick(device.now))
        assert device.side is None


def test_frames_of_this_play_are_all_the_frames_there_are() -> None:
    spoken = {"request", "accept", "reveal", "prove", "deliver", "ack"}
    seen: set[str] = set()

    class Listening(Honest):
        name = "listening"

        def heard(self, role: Role, text: str) -> None:
            seen.add(json.loads(text)["type"])
            super().heard(role, text)

    MemoryStage(Listening).play()
    assert seen == spoken
