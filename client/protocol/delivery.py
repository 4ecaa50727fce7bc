"""What the existing device seals into `deliver` (PROTOCOL §4, frame 6)."""

import json
from dataclasses import dataclass, field

from client.protocol.encoding import b64url, b64url_decode, is_fingerprint
from client.protocol.frames import MAX_DELIVERY


@dataclass(frozen=True, slots=True)
class AccountKey:
    """The account's private keys as they are handed on: armored, minimal export, no passphrase."""

    fingerprint: str
    private_key: str = field(repr=False)
    retired_keys: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """`certificate` is the existing device's own; `proof` its device key's signature, 64 bytes."""

    key: AccountKey
    certificate: str
    proof: bytes

    def to_json(self) -> bytes:
        """The plaintext of `deliver`; `ValueError` above 32 KiB."""
        raw = json.dumps(
            {
                "private_key": self.key.private_key,
                "fingerprint": self.key.fingerprint,
                "retired_keys": list(self.key.retired_keys),
                "certificate": self.certificate,
                "proof": b64url(self.proof),
            },
            separators=(",", ":"),
        ).encode()
        if len(raw) > MAX_DELIVERY:
            raise ValueError("the account's keys are larger than 32 KiB")
        return raw

    @classmethod
    def from_json(cls, raw: bytes) -> "Delivery":
        """The reverse; `ValueError` for anything that is not exactly such an object."""
        if len(raw) > MAX_DELIVERY:
            raise ValueError("delivery is larger than 32 KiB")
        body = json.loads(raw)
        names = {"private_key", "fingerprint", "retired_keys", "certificate", "proof"}
        if not isinstance(body, dict) or body.keys() != names:
            raise ValueError("delivery has other fields")
        retired = body.pop("retired_keys")
        if not isinstance(retired, list) or not all(
            isinstance(text, str) for text in [*body.values(), *retired]
        ):
            raise ValueError("delivery holds something else than texts")
        if not is_fingerprint(body["fingerprint"]):
            raise ValueError("fingerprint is none")
        key = AccountKey(body["fingerprint"], body["private_key"], tuple(retired))
        return cls(key, body["certificate"], b64url_decode(body["proof"]))
