"""What `audit verify` may find, and what it has found."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MOST_SHOWN: Final = 200


class Kind(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    SPLICED = "spliced"
    HEAD = "head"
    HEAD_FILE = "head_file"
    CHECKPOINT = "checkpoint"
    TRIGGER = "trigger"


@dataclass(frozen=True)
class Fault:
    """What is wrong, where. `sequence` is a row's place, None for what is no row."""

    kind: Kind
    chain: str
    sequence: int | None
    sentence: str

    def __str__(self) -> str:
        place = self.chain if self.sequence is None else f"{self.chain} row {self.sequence}"
        return f"{place}: {self.sentence}" if place else self.sentence


@dataclass
class Report:
    """What the walk found; `faults` are the first two hundred of `count`."""

    chains: int = 0
    rows: int = 0
    checkpoints: int = 0
    count: int = 0
    faults: list[Fault] = field(default_factory=list)
    head_file: bool = False

    @property
    def whole(self) -> bool:
        return self.count == 0

    def note(self, fault: Fault) -> None:
        self.count += 1
        if len(self.faults) < MOST_SHOWN:
            self.faults.append(fault)
