"""An app's device and token, made by hand: what OAuth will make is a device of kind `app` (§7)."""

import secrets

from django.utils import timezone

from devices import tokens
from devices.models import Device, DeviceKind, DeviceState
from devices.protocol.device_hash import DeviceHash
from tests.people import Person, b64url


def app_token(person: Person, kind: DeviceKind = DeviceKind.APP, scope: str = "read write") -> str:
    """A token with the granted scopes, of a new device without a key."""
    device = Device.objects.create(
        account_id=person.id,
        kind=kind,
        state=DeviceState.ACTIVE,
        hash=b64url(secrets.token_bytes(32)),
        name="an app",
        last_seen_at=timezone.now(),
    )
    return tokens.issue(
        account_id=person.id,
        username=person.username,
        email=person.email,
        device=DeviceHash(device.hash),
        scope=scope,
        jkt=None,
    )
