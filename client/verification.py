"""Checking that a server added no device to an account of its own and took none away."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from client.api import Api
from client.directory import published
from client.examination import Examination, Examined
from client.faults import KeyFault
from client.protocol.device_hash import device_hash
from client.protocol.encoding import account_at
from client.protocol.published import Published, PublishedDevice
from client.protocol.statements import DeviceStatement, key_transition


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one published thing. `what` is this client's own word for it."""

    good: bool
    subject: str
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings. `fingerprint` is computed from the published key, not read beside it."""

    account: str
    fingerprint: str
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether every certificate and every revocation holds."""
        return all(finding.good for finding in self.findings)


def verify_account(api: Api, username: str, fingerprint: str | None = None) -> Report:
    """Check everything that the server publishes of an account against its key.

    `fingerprint`, where the user has it from elsewhere, is what the key must have; without it
    the report says only that the server's words agree with one another.
    """
    account = account_at(username, api.origin)
    told = published(api, username)
    examination = Examination()
    with ExitStack() as open_keys:
        key = open_keys.enter_context(examination.examine_public(told.public_key))
        findings = [_same_key(key, told, fingerprint)]
        keys = {key.fingerprint: key}
        findings.extend(_chain(open_keys, api.origin, account, told, keys))
        for device in told.devices.values():
            findings.append(_device(api.origin, account, keys, key, device))
        return Report(account, key.fingerprint, tuple(findings))


def _same_key(key: Examined, told: Published, fingerprint: str | None) -> Finding:
    wanted = told.fingerprint if fingerprint is None else fingerprint.replace(" ", "").upper()
    same = key.fingerprint == told.fingerprint == wanted
    return Finding(same, key.fingerprint, "account key" if same else "account key is another one")


def _chain(
    open_keys: ExitStack, origin: str, account: str, told: Published, keys: dict[str, Examined]
) -> Iterator[Finding]:
    """Earlier keys, each vouched for by its successor's signature and its own; good ones join `keys`."""
    rest = list(told.transitions)
    while found := next((one for one in rest if one.new_key in keys), None):
        rest.remove(found)
        try:
            earlier = open_keys.enter_context(Examination().examine_public(found.public_key))
        except KeyFault:
            yield Finding(False, found.key, "earlier account key cannot be read")
            continue
        text = key_transition(origin, account, found.key, found.new_key, found.challenge)
        signers = (earlier, keys[found.new_key])
        if earlier.fingerprint == found.key and all(
            signer.verifies(text, found.signatures, alone=False) for signer in signers
        ):
            keys[found.key] = earlier
            yield Finding(True, found.key, "earlier account key, passed on by both signatures")
        else:
            yield Finding(False, found.key, "earlier account key without both signatures")
    for lost in rest:
        yield Finding(False, lost.key, "earlier account key that leads to none of the account's")


def _device(
    origin: str, account: str, keys: dict[str, Examined], current: Examined, device: PublishedDevice
) -> Finding:
    def found(good: bool, what: str) -> Finding:
        return Finding(good, device.device, what)

    if device_hash(account, device.device_key, device.challenge) != device.device:
        return found(False, "device hash does not fit its key and challenge")
    if device.certificate is None and device.ended:
        return found(True, "ended, and was never certified")
    # A device that ended before the key changed is certified by the key of its time.
    allowed = keys.values() if device.ended else [current]
    if not any(_certified(origin, account, key, device) for key in allowed):
        return found(False, "no certificate by the account key: not a device of its owner")
    certified = "device, certified by the account key"
    if device.revocation is None:
        ended = ", ended without a revocation, on the server's word" if device.ended else ""
        return found(True, certified + ended)
    if any(_revoked(origin, account, key, device) for key in keys.values()):
        return found(True, f"{certified}, revoked by the account key")
    return found(False, f"{certified}; its revocation does not hold: the server took it away")


def _certified(origin: str, account: str, key: Examined, device: PublishedDevice) -> bool:
    text = DeviceStatement(
        origin, account, key.fingerprint, device.device, device.device_key, device.challenge
    ).certificate()
    return device.certificate is not None and key.verifies(text, device.certificate)


def _revoked(origin: str, account: str, key: Examined, device: PublishedDevice) -> bool:
    challenge = device.revocation_challenge or device.challenge
    text = DeviceStatement(
        origin, account, key.fingerprint, device.device, device.device_key, challenge
    ).revocation()
    return device.revocation is not None and key.verifies(text, device.revocation)
