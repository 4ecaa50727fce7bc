"""Any play of a relay: true frames and others in any order, repeated, crossed, reflected, changed.

Codes are typed by users alone, so without them no play at all gets a key out or in.
"""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from client.protocol.effects import Adopt, Done, Ended, HandOver
from client.protocol.frames import Expired, Withdrawn
from client.protocol.reasons import Refused
from tests.client.pair import EXCHANGE, NOW, Pair, Story, changed, identity, seed

_FRAMES = ("request", "accept", "reveal", "prove", "deliver")
_MOVES = st.lists(
    st.tuples(
        st.sampled_from(_FRAMES),
        st.sampled_from(["as it is", "changed", "from another run"]),
        st.sampled_from(["new", "existing"]),
        st.sampled_from(["new", "existing", "stranger"]),
        st.integers(1, 5),
    ),
    max_size=8,
)


def _texts(story: Story) -> dict[str, str]:
    return {name: getattr(story, name) for name in _FRAMES}


TRUE = Story.delivered()
# Another run between the same devices, with other fresh secrets on the existing side.
OTHER = Story.delivered(Pair(qr_secret=seed("qr", 16)))


def _changed(text: str) -> str:
    body = json.loads(text)
    name = "sealed" if "sealed" in body else "nonce" if "nonce" in body else "commitment"
    letter = "B" if body[name][0] == "A" else "A"
    return changed(text, **{name: letter + body[name][1:]})


@settings(max_examples=300)
@given(_MOVES)
def test_without_typed_codes_no_order_of_frames_gets_a_key_out_or_in(
    moves: list[tuple[str, str, str, str, int]],
) -> None:
    pair = Pair()
    new = pair.new_side()
    new.begin(NOW)
    existing = pair.existing_side(pair.offer(TRUE.request))
    existing.examine(NOW)
    existing.accept(NOW)
    sides = {"new": new, "existing": existing}
    for kind, how, to, sender, seq in moves:
        text = _texts(OTHER if how == "from another run" else TRUE)[kind]
        raw = _changed(text) if how == "changed" else text
        try:
            message = pair.relay(raw, identity(sender).device, to, seq)
        except Refused:
            continue
        for effect in sides[to].receive(message, NOW + 1):
            assert not isinstance(effect, Adopt | HandOver | Done)
    for side in sides.values():
        side.receive(Withdrawn(EXCHANGE), NOW + 2)
        side.receive(Expired(EXCHANGE), NOW + 2)
        assert side.over
        assert not any(isinstance(effect, Adopt | Done | Ended) for effect in side.cancel())
