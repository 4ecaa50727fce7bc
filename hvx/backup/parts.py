"""What a back-up holds beside the tables, as a typed port that hvx/wiring.py fills."""

from collections.abc import Iterator
from typing import Protocol


class BackupPart(Protocol):
    """Something kept outside of the database: an index of stored blocks, say.

    `dump` is called while the back-up's snapshot of the database is open, and gives pieces of some
    64 KiB. `load` gets the same pieces, inside the transaction that restores the database, and must bear
    being called again: a restore that was cut short is begun anew.
    """

    name: str

    def dump(self) -> Iterator[bytes]: ...

    def load(self, pieces: Iterator[bytes]) -> None: ...
