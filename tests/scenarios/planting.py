"""Secrets that a server is given, or has of its own, and that nobody may find on its disk."""

import json
import secrets
from collections.abc import Mapping
from contextlib import closing

from tests.live import LiveServer
from tests.people import Answer, LiveWire, Person

# Words that stand out in a search and look like nobody's real ones.
ADDRESS = "198.51.100.177"
TYPED_LOGIN = "planted.typed.login@example.org"
PASSPHRASE = "planted passphrase of many words"
DEVICE = "planted-device-name"
KEY_NAME = "planted-access-key-name"

# The keys that the server has made, as hexadecimal; run in its environment by `manage.py shell`.
KEYS = """
import json, os
from devices.models import TokenKey
from vault import keyring, keys, rootkey
reading, writing = os.pipe()
rootkey.write_to(writing, keys.root())
found = {"root key": os.read(reading, 64), "database key": keys.database_key()}
for purpose in keyring.PURPOSES:
    found[f"data key for {purpose}"] = keyring.active(purpose).material
for number, key in enumerate(TokenKey.objects.all()):
    found[f"token key {number}"] = bytes(key.private)
print(json.dumps({name: key.hex() for name, key in found.items()}))
"""


class FarAwayWire(LiveWire):
    """A server reached through its proxy by somebody at ADDRESS."""

    def request(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer:
        return super().request(method, path, headers={**headers, "X-Forwarded-For": ADDRESS}, body=body)


def plant(server: LiveServer) -> dict[str, bytes]:
    """Give a running server secrets of every kind; returns them by name."""
    planted = {
        "network address": ADDRESS,
        "typed login": TYPED_LOGIN,
        "passphrase": PASSPHRASE,
        "invite code": server.manage("invite").strip(),
    }
    server.manage("vault", "rewrap", "--add", "passphrase", "--stdin", stdin=f"{PASSPHRASE}\n")
    told = server.manage("vault", "shares", "2/3", "--stdin", stdin="")
    shares = [line.partition(": ")[2] for line in told.splitlines() if line.startswith("share ")]
    assert len(shares) == 3
    planted |= {f"share {number}": share for number, share in enumerate(shares)}
    planted |= _somebody_far_away(server)
    return {name: secret.encode() for name, secret in planted.items()}


def own_keys(server: LiveServer) -> dict[str, bytes]:
    """Every key that the server has made, by name."""
    made = json.loads(server.manage("shell", "--no-imports", "-c", KEYS))
    assert {"root key", "database key", "token key 0"} <= made.keys()
    return {name: bytes.fromhex(key) for name, key in made.items()}


def empty_wal(server: LiveServer) -> None:
    """Have all of a stopped server's embedded database in its main file."""
    emptying = "PRAGMA wal_checkpoint(TRUNCATE)"
    command = f"from django.db import connection; connection.cursor().execute({emptying!r})"
    server.manage("shell", "--no-imports", "-c", command)


def _somebody_far_away(server: LiveServer) -> dict[str, str]:
    """Registers, logs in wrongly under another login, and makes an access key."""
    with closing(FarAwayWire(server.url)) as wire:
        person = Person(wire)
        person.register().expect(201)
        person.new_handset(DEVICE).log_in().expect(200)
        person.new_handset(DEVICE).log_in(TYPED_LOGIN, secrets.token_urlsafe(12)).expect(401)
        body = {"password": person.password, "name": KEY_NAME, "scopes": ["files:read"]}
        made = person.handset.call("POST", "me/access-keys", body).expect(201).json
    return {
        "another's e-mail": person.email,
        "another's password": person.password,
        "another's token": person.handset.token.rpartition(".")[2],
        "access key": made["access_key"]["secret"],
    }
