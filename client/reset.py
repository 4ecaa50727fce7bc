"""A new password without the old one, for who holds the account key."""

from typing import Any

from client.api import Api
from client.faults import NoAnswer
from client.gnupg import Home
from client.protocol.encoding import account_at, key_bytes
from client.protocol.statements import password_reset


def reset_password(api: Api, home: Home, username: str, fingerprint: str, password: str) -> None:
    """Set `password` by a statement that the account key `fingerprint`, which is in `home`, signs."""
    account = account_at(username, api.origin)
    given: Any = _post(api, {"login": username})
    try:
        challenge = key_bytes(given["challenge"])
    except (KeyError, TypeError, ValueError) as fault:
        raise NoAnswer("The server's challenge is not of the protocol.") from fault
    statement = home.sign(fingerprint, password_reset(api.origin, account, fingerprint, challenge))
    body = {
        "login": username,
        "challenge": given["challenge"],
        "statement": statement,
        "password": password,
    }
    _post(api, body)


def _post(api: Api, body: dict[str, str]) -> Any:
    return api.call("POST", "password-reset", body=body, token=False, prove=False)
