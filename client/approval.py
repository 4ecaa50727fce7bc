"""The existing device's preparations for one offer."""

import secrets

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from client.device import ThisDevice
from client.protocol.existing_device import ExistingDevice
from client.protocol.frames import Offer


def consider(device: ThisDevice, offer: Offer, received: float) -> ExistingDevice:
    """This device's side of the exchange that an offer begins, with everything in it made fresh."""
    return ExistingDevice(
        device.identity,
        offer,
        received=received,
        ephemeral_key=X25519PrivateKey.generate(),
        nonce=secrets.token_bytes(32),
        certificate=device.profile.certificate,
        attempts=device.folder.attempts(),
    )
