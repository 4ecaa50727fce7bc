"""Every attack, in the order in which the tables show them."""

from tests.hostile.attack import Attack
from tests.hostile.attacks.by_accept import BY_ACCEPT
from tests.hostile.attacks.by_delivery import BY_DELIVERY
from tests.hostile.attacks.by_request import BY_REQUEST
from tests.hostile.attacks.by_reveal import BY_REVEAL
from tests.hostile.attacks.in_the_middle import IN_THE_MIDDLE
from tests.hostile.attacks.misleading import MISLEADING

ATTACKS: tuple[type[Attack], ...] = (
    *IN_THE_MIDDLE,
    *BY_ACCEPT,
    *BY_DELIVERY,
    *BY_REQUEST,
    *BY_REVEAL,
    *MISLEADING,
)
