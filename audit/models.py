"""The audit's rows. Triggers refuse to change or remove one (audit/triggers.py)."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import models

from audit.protocol.chain import Content, head_seal, row_hash
from audit.unreadable import UNREADABLE, as_bytes, is_name

SERVER: Final = "server"
"""The chain of the server's own events, which the checkpoints hang in."""

LONGEST: Final = 2**63 - 1
"""What a database holds as a length at most."""

if TYPE_CHECKING:
    _BinaryField = models.BinaryField[bytes, bytes]
else:
    _BinaryField = models.BinaryField


class BytesField(_BinaryField):
    """A BinaryField that gives bytes on every database; to migrations it is what it derives from."""

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.BinaryField", args, options

    def from_db_value(self, value: object, expression: object, connection: object) -> object:
        return as_bytes(value)


class AuditChain(models.Model):
    """The head of a chain, locked by whoever appends: so the rows of one chain wait for each other.

    `account:<MAC of the account id>`, `nobody:<0…15>` or `server`. `hash` is the last row's,
    `checkpointed` the length at the last checkpoint. `seal` binds all of them to the chain, so that a
    last row cannot be taken away unseen, nor a chain be kept from the checkpoints.
    """

    chain = models.CharField(max_length=80, primary_key=True)
    length = models.PositiveBigIntegerField(default=0)
    hash = BytesField(max_length=32, default=b"")
    seal = BytesField(max_length=32)
    checkpointed = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.chain}, {self.length} rows"

    def sealed_under(self, key: bytes, *, doubted: bool = False) -> bytes:
        return head_seal(key, self.chain, self.length, self.hash, self.checkpointed, doubted=doubted)

    def is_genuine(self, key: bytes, *, doubted: bool = False) -> bool:
        """Whether it is one that was written, as good or as `doubted`."""
        try:
            return bool(self.sealed_under(key, doubted=doubted) == self.seal)
        except UNREADABLE:
            return False

    @property
    def can_be_followed(self) -> bool:
        """Whether a row can hang on it: a name, a length that can grow, and bytes."""
        length: object = self.length
        last: object = self.hash
        can_grow = isinstance(length, int) and 0 <= length < LONGEST
        return is_name(self.chain) and can_grow and isinstance(last, bytes)

    def is_false(self, key: bytes) -> bool:
        """Whether it is none that was written, neither as good nor as doubted."""
        return not self.is_genuine(key) and not self.is_genuine(key, doubted=True)


class AuditRow(models.Model):
    """One event. What could be sensitive stands as a MAC of 32 bytes, or is empty where it is not known."""

    pk = models.CompositePrimaryKey("chain", "sequence")
    chain = models.CharField(max_length=80)
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField(db_index=True)
    event = models.CharField(max_length=40)
    details = models.TextField()
    device_mac = BytesField(max_length=32)
    network_mac = BytesField(max_length=32)
    subject_mac = BytesField(max_length=32)
    previous = BytesField(max_length=32)
    hash = BytesField(max_length=32)

    class Meta:
        ordering: ClassVar = ["chain", "sequence"]

    def __str__(self) -> str:
        return f"{self.chain} {self.sequence}: {self.event}"

    @property
    def content(self) -> Content:
        return Content(
            at=self.at,
            event=self.event,
            details=self.details,
            device_mac=self.device_mac,
            network_mac=self.network_mac,
            subject_mac=self.subject_mac,
        )

    def hashed_under(self, key: bytes, *, chain: str | None = None, sequence: int | None = None) -> bytes:
        """The hash that this row has at its place, or would have at another."""
        return row_hash(
            key,
            self.chain if chain is None else chain,
            self.sequence if sequence is None else sequence,
            self.content,
            self.previous,
        )

    def is_genuine(self, key: bytes, *, chain: str | None = None, sequence: int | None = None) -> bool:
        """Whether it is one that was written for its place, or for another."""
        try:
            return bool(self.hashed_under(key, chain=chain, sequence=sequence) == self.hash)
        except UNREADABLE:
            return False
