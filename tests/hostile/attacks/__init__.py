"""Every attack, in the order in which the tables show them."""

from tests.hostile.attack import Attack
from tests.hostile.attacks.in_the_middle import IN_THE_MIDDLE
from tests.hostile.attacks.misleading import MISLEADING
from tests.hostile.attacks.on_the_existing_device import ON_THE_EXISTING_DEVICE
from tests.hostile.attacks.on_the_new_device import ON_THE_NEW_DEVICE

ATTACKS: tuple[type[Attack], ...] = (
    *IN_THE_MIDDLE,
    *ON_THE_NEW_DEVICE,
    *ON_THE_EXISTING_DEVICE,
    *MISLEADING,
)
