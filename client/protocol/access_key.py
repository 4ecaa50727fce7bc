"""An access key as its holder carries it: one JSON document, and the device hash that follows from it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from client.protocol.encoding import DeviceHash, account_at, b64url, check_origin, is_exchange, key_bytes, lp

FORMAT = "hvx-access-key/1"
SCOPES = ("files:read", "files:write", "social:read", "social:write")
_SCOPE = re.compile(r"[a-z]{1,20}:[a-z]{1,20}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """`secret` has 32 raw bytes, `key_id` is a lower-case UUID, `expires_at` a time of RFC 3339 in UTC."""

    origin: str
    account: str
    key_id: str
    secret: bytes = field(repr=False)
    scopes: tuple[str, ...]
    expires_at: str

    @classmethod
    def of(cls, document: object) -> Self:
        """What a document says; `ValueError` when it is no access key of this version."""
        if not isinstance(document, Mapping) or document.get("type") != FORMAT:
            raise ValueError("no access key of this version")
        told: dict[str, Any] = {name: document.get(name) for name in cls.__slots__}
        scopes = told.pop("scopes")
        if not all(isinstance(text, str) for text in told.values()) or not isinstance(scopes, list):
            raise ValueError("a member is missing or of another type")
        if not scopes or not all(isinstance(scope, str) and _SCOPE.match(scope) for scope in scopes):
            raise ValueError("no scopes")
        username, _, _ = told["account"].partition("@")
        if account_at(username, check_origin(told["origin"])) != told["account"]:
            raise ValueError("the account is not of that origin")
        if not is_exchange(told["key_id"]) or not _TIME.match(told["expires_at"]):
            raise ValueError("no id, or no time")
        return cls(**{**told, "secret": key_bytes(told["secret"]), "scopes": tuple(scopes)})

    @classmethod
    def read(cls, text: str) -> Self:
        """The access key of a file or a QR code; `ValueError` when there is none in it."""
        try:
            return cls.of(json.loads(text))
        except RecursionError as fault:
            raise ValueError("no access key") from fault

    def text(self) -> str:
        """The document, on one line."""
        document = {
            "type": FORMAT,
            "origin": self.origin,
            "account": self.account,
            "key_id": self.key_id,
            "secret": b64url(self.secret),
            "scopes": list(self.scopes),
            "expires_at": self.expires_at,
        }
        return json.dumps(document, separators=(",", ":"))

    @property
    def device(self) -> DeviceHash:
        """`b64url(SHA-256(LP("hvx-access-key/1", account, key id, SHA-256(secret))))`."""
        digest = hashlib.sha256(self.secret).digest()
        return DeviceHash(
            b64url(hashlib.sha256(lp("hvx-access-key/1", self.account, self.key_id, digest)).digest())
        )
