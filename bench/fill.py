"""Fills a server's database with accounts of two devices each and prints them, keys and tokens too.

Runs in the server's environment, before it starts. What it prints is good for ten minutes and for
that throw-away server alone.
"""

import json
import secrets
import sys
from typing import Any

import django

PASSWORD_BYTES = 12


def fill(count: int) -> dict[str, Any]:
    """`count` accounts, each with an active and a pending device, and one password for all."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from django.conf import settings
    from django.contrib.auth.hashers import make_password
    from django.db import transaction

    from accounts.models import Account
    from activitypub.services import actors
    from devices import tokens
    from devices.models import Device
    from devices.protocol.device_hash import DeviceHash
    from devices.protocol.encoding import b64url
    from devices.services import lifecycle, signing

    password = secrets.token_urlsafe(PASSWORD_BYTES)
    hashed = make_password(password)

    def described(account: Account, device: Device, key: Ed25519PrivateKey) -> dict[str, str]:
        token = tokens.issue(
            account_id=str(account.pk),
            username=account.username,
            email=account.email,
            device=DeviceHash(device.hash),
            scope="full" if device.state == "active" else "pending",
            jkt=None,
        )
        return {
            "device": device.hash,
            "key": b64url(key.private_bytes_raw()),
            "challenge": b64url(bytes(device.challenge or b"")),
            "token": token,
        }

    def made(number: int) -> dict[str, Any]:
        account = Account.objects.create(
            username=f"bench{number}",
            email=f"bench{number}@example.org",
            password=hashed,
            public_key="none: no handoff of the bench reaches a client",
            fingerprint=f"{number:040X}",
        )
        old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        active = lifecycle.add_active_device(
            str(account.pk),
            account=account.text,
            key=old.public_key().public_bytes_raw(),
            challenge=secrets.token_bytes(32),
            certificate="none",
            fingerprint=account.fingerprint,
            name="old",
            platform="bench",
        )
        pending = lifecycle.add_pending_device(
            str(account.pk),
            account=account.text,
            key=new.public_key().public_bytes_raw(),
            name="new",
            platform="bench",
        )
        return {
            "username": account.username,
            "account": account.text,
            "fingerprint": account.fingerprint,
            "existing": described(account, active, old),
            "new": described(account, pending, new),
        }

    signing.make_token_key()
    with transaction.atomic():
        accounts = [made(number) for number in range(count)]
    # Here once, or each server would at its start, and an RSA key takes its time.
    actors.make_missing()
    return {"origin": settings.HVX_ORIGIN, "password": password, "accounts": accounts}


if __name__ == "__main__":
    django.setup()
    json.dump(fill(int(sys.argv[1])), sys.stdout)
