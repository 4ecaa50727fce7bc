"""Whether a device certificate holds."""

from django.conf import settings
from django.utils import timezone

from accounts import errors, openpgp
from accounts.models import Account
from devices.models import Device
from devices.protocol import statements
from devices.protocol.device_hash import DeviceHash
from devices.protocol.statements import Subject


def verify_certificate(
    account: Account, device: Device, certificate: str, *, key: openpgp.AccountKey
) -> openpgp.Signed:
    if device.key is None or device.challenge is None:
        raise errors.CertificateInvalid("this device has no key")
    text = statements.device_certificate(
        Subject(origin=settings.HVX_ORIGIN, account=account.text, fingerprint=key.fingerprint),
        DeviceHash(device.hash),
        bytes(device.key),
        bytes(device.challenge),
    )
    try:
        [signed] = openpgp.verify(certificate, text, [key], now=timezone.now())
    except openpgp.SignatureRefused as refused:
        raise errors.CertificateInvalid(str(refused)) from None
    return signed
