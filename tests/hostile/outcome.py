"""What became of an attack, and whether the client stood it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from client.protocol.reasons import Reason
from tests.hostile.attack import Attack
from tests.hostile.world import Role

DONE = "done"


@dataclass
class Outcome:
    """What the devices said and hold. `endings` are reasons, or `done`, one for each exchange;
    `held` the fingerprints of the private keys on the new device; `faults` what went wrong beside."""

    attack: Attack
    endings: dict[Role, list[str]] = field(default_factory=lambda: {"new": [], "existing": []})
    held: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def reached(self) -> str | None:
        """The goal of the attack, if it was reached."""
        return self.attack.reached

    @property
    def last_ending(self) -> str:
        """How the victim's last exchange ended."""
        said = self.endings[getattr(self.attack, "victim", "new")]
        return said[-1] if said else "nothing"


def expected(attack: type[Attack]) -> str:
    """What the table says of a client that stands it."""
    return str(attack.ending) if hasattr(attack, "ending") else DONE


def objections(outcome: Outcome) -> Sequence[str]:
    """What is wrong with how the client stood the attack; nothing, if it did."""
    attack = outcome.attack
    if not hasattr(attack, "ending"):
        return list(_objections_without_attack(outcome))
    found = list(outcome.faults)
    if outcome.reached:
        found.append(outcome.reached)
    if outcome.held and not outcome.reached:
        found.append("the new device holds a private key")
    if attack.loot and not outcome.reached:
        found.append("the server read a private key")
    if not is_right(outcome.last_ending, attack.ending):
        found.append(f"ended with {outcome.last_ending}")
    if len(outcome.endings[attack.victim]) != attack.rounds:
        found.append(f"ended {len(outcome.endings[attack.victim])} of {attack.rounds} exchanges")
    return found


def is_right(said: str, ending: Reason) -> bool:
    """Whether that is the reason, or the word of the protocol's `cancel` for it."""
    return said == ending or (ending.cancel is not None and said == ending.cancel)


def _objections_without_attack(outcome: Outcome) -> Sequence[str]:
    found = list(outcome.faults)
    truth = outcome.attack.world.truth
    if truth is None or outcome.held != [truth.fingerprint]:
        found.append("the new device does not hold the account key")
    for role, said in outcome.endings.items():
        if said != [DONE]:
            found.append(f"{role}: {', '.join(said) or 'nothing'}")
    return found
