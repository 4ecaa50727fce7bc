"""Replacing the account key: the old key passes the account on to a new one, and both sign that."""

from dataclasses import replace
from typing import Any

from client.device import ThisDevice
from client.faults import Fault, NoAnswer
from client.protocol.encoding import key_bytes
from client.protocol.statements import key_transition
from client.registration import BackUp, account_secret


def replace_key(device: ThisDevice, password: str, back_up: BackUp) -> None:
    """Make a new account key, certify this device by it and no other, and keep the old for old files."""
    profile, home = device.profile, device.home
    secret = account_secret(device)
    new = home.make_key(profile.account)
    back_up(profile.account, home.give_secret(new))
    given: Any = device.api.post("challenges", {"purpose": "key"})
    try:
        challenge = key_bytes(given["challenge"])
        agrees = (given["account"], given["origin"]) == (profile.account, profile.origin)
    except (KeyError, TypeError, ValueError) as fault:
        raise NoAnswer("The server's challenge is not of the protocol.") from fault
    if not agrees:
        raise Fault("The server gave a challenge for something else; nothing was signed.")
    text = key_transition(profile.origin, profile.account, profile.fingerprint, new, challenge)
    certificate = home.sign(new, replace(device.statement(), key=new).certificate())
    body = {
        "password": password,
        "public_key": home.give_public(new),
        "challenge": given["challenge"],
        "transition": home.sign(profile.fingerprint, text, new),
        "devices": [{"device": profile.device, "certificate": certificate}],
    }
    device.api.post("me/key", body)
    retired = " ".join([profile.fingerprint, *profile.retired.split()])
    device.keep(fingerprint=new, retired=retired, certificate=certificate)
    message = home.encrypt(secret, new).decode("ascii")
    device.api.call("PUT", "me/secret", body={"message": message}, prove=False)
