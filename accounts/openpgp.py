"""OpenPGP on the server: which public keys are taken, and which signatures hold (RFC 4880).

Parsing, policy and verification are Sequoia's, in this process. No text of its errors is passed
on: it may quote the input.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pysequoia
from pysequoia.packet import HashAlgorithm, Packet, PacketPile, PublicKeyAlgorithm, SignatureType, Tag

from accounts import errors

MAX_KEY_BYTES = 64 * 1024
MAX_SIGNATURE_BYTES = 8 * 1024
MIN_RSA_BITS = 3072
SIGNATURE_WINDOW = timedelta(minutes=10)

# The curves' object identifiers as they stand in a key packet, behind their length (RFC 6637 §11).
_ED25519 = bytes.fromhex("092b06010401da470f01")
_CURVE25519 = bytes.fromhex("0a2b060104019755010501")
_STRONG_HASHES = (
    HashAlgorithm.SHA256,
    HashAlgorithm.SHA384,
    HashAlgorithm.SHA512,
    HashAlgorithm.SHA3_256,
    HashAlgorithm.SHA3_512,
)
_PUBLIC_TAGS = (
    Tag.PublicKey,
    Tag.PublicSubkey,
    Tag.UserID,
    Tag.UserAttribute,
    Tag.Signature,
)
_SELF_SIGNATURES = (
    SignatureType.GenericCertification,
    SignatureType.PersonaCertification,
    SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
    SignatureType.DirectKey,
)


@dataclass(frozen=True)
class AccountKey:
    """A public key that the policy let in: armored, with its fingerprint in upper-case hex."""

    armored: str
    fingerprint: str


@dataclass(frozen=True)
class Signed:
    """Evidence that `fingerprint`'s primary key made this signature packet over the text asked."""

    packet: bytes
    fingerprint: str

    @property
    def armored(self) -> str:
        return armored([self])


def armored(signatures: "Iterable[Signed]") -> str:
    """One armored block that holds these signatures."""
    packets = b"".join(signature.packet for signature in signatures)
    return pysequoia.armor(packets, pysequoia.ArmorKind.Signature)


class SignatureRefused(ValueError):
    """Why a signature does not hold, in words that quote nothing of it."""


def _packets(text: str, *blocks: str) -> list[Packet]:
    """The packets of a text that is one armored block of these kinds, and nothing before it."""
    heads = tuple(f"-----BEGIN PGP {block}-----" for block in blocks)
    if "\x00" in text or not text.isascii() or not text.lstrip().startswith(heads):
        raise ValueError("not armor")
    try:
        return list(PacketPile.from_bytes(text.encode()))
    except Exception:  # Sequoia raises RuntimeError and, for odd packets, others.
        raise ValueError("not OpenPGP") from None


def read_public_key(text: str, *, now: datetime) -> AccountKey:
    """Check an armored public key by the policy of PROTOCOL §2. Raises PublicKeyRefused."""
    if len(text) > MAX_KEY_BYTES:
        raise errors.PublicKeyTooLarge
    try:
        packets = _packets(text, "PUBLIC KEY BLOCK", "PRIVATE KEY BLOCK")
    except ValueError:
        raise errors.PublicKeyUnreadable from None
    tags = [packet.tag for packet in packets]
    if any(tag in (Tag.SecretKey, Tag.SecretSubkey) for tag in tags):
        raise errors.PublicKeySecret
    if not tags or tags[0] != Tag.PublicKey or any(tag not in _PUBLIC_TAGS for tag in tags):
        raise errors.PublicKeyUnreadable
    if tags.count(Tag.PublicKey) != 1:
        raise errors.PublicKeyNotSingle
    for packet in packets:
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey):
            _check_algorithm(packet)
    try:
        cert = pysequoia.Cert.from_bytes(text.encode())
        revoked, expiration = cert.is_revoked, cert.expiration
    except Exception:
        raise errors.PublicKeyUnreadable from None
    if revoked:
        raise errors.PublicKeyRevoked
    if expiration is not None and expiration <= now:
        raise errors.PublicKeyExpired
    if not _may_sign(packets, cert.fingerprint):
        raise errors.PublicKeyCannotSign
    try:
        # Sequoia's own policy chooses the subkey, so this is nearly the very question that matters:
        # all that it does not ask is whether the subkey has expired.
        pysequoia.encrypt(b"", [pysequoia.Cert.from_packets(_without_expired_subkeys(packets, now))])
    except Exception:
        raise errors.PublicKeyCannotEncrypt from None
    return AccountKey(
        armored=pysequoia.armor(bytes(cert), pysequoia.ArmorKind.PublicKey),
        fingerprint=cert.fingerprint.upper(),
    )


def _check_algorithm(packet: Packet) -> None:
    body = packet.body
    if not body or body[0] != 4:
        raise errors.PublicKeyVersion
    algorithm, parameters = packet.key_algorithm, body[6:]
    if algorithm == PublicKeyAlgorithm.EdDSA and parameters.startswith(_ED25519):
        return
    if algorithm == PublicKeyAlgorithm.ECDH and parameters.startswith(_CURVE25519):
        return
    if (
        algorithm == PublicKeyAlgorithm.RSAEncryptSign
        and int.from_bytes(parameters[:2], "big") >= MIN_RSA_BITS
    ):
        return
    raise errors.PublicKeyAlgorithm


def _may_sign(packets: Iterable[Packet], fingerprint: str) -> bool:
    """Whether the newest self-signature gives the primary key the signing flag.

    Only for a clear error: that the key does sign is proven by the certificate that comes with it.
    """
    flagged = [
        (packet.signature_created, packet.key_flags.signing)
        for packet in packets
        if packet.tag == Tag.Signature
        and packet.signature_type in _SELF_SIGNATURES
        and packet.issuer_fingerprint == fingerprint
        and packet.key_flags is not None
        and packet.signature_created is not None
    ]
    return bool(flagged) and max(flagged)[1]


def _without_expired_subkeys(packets: Iterable[Packet], now: datetime) -> list[Packet]:
    """The packets but for subkeys, with their signatures, whose newest binding has run out."""
    components: list[list[Packet]] = []
    for packet in packets:
        if not components or packet.tag == Tag.PublicSubkey:
            components.append([])
        components[-1].append(packet)
    return [packet for component in components if not _has_expired(component, now) for packet in component]


def _has_expired(component: Sequence[Packet], now: datetime) -> bool:
    created = component[0].key_created
    bindings = [
        (packet.signature_created, packet.key_validity_period)
        for packet in component
        if packet.signature_type == SignatureType.SubkeyBinding and packet.signature_created is not None
    ]
    if created is None or not bindings:
        return False
    validity = max(bindings, key=lambda binding: binding[0])[1]
    # None or zero: it does not expire (RFC 4880 §5.2.3.6).
    return created + validity <= now if validity else False


def verify(signatures: str, text: bytes, keys: Iterable[AccountKey], *, now: datetime) -> list[Signed]:
    """The evidence that `signatures` holds exactly one good signature over `text` by each key's
    primary key: detached, version 4, binary, SHA-256 or stronger, made within 10 minutes of `now`.

    Raises SignatureRefused.
    """
    wanted = list(keys)
    if len(signatures) > MAX_SIGNATURE_BYTES:
        raise SignatureRefused("it is too large")
    try:
        packets = _packets(signatures, "SIGNATURE")
    except ValueError:
        raise SignatureRefused("it is no armored OpenPGP signature") from None
    if any(packet.tag != Tag.Signature for packet in packets) or len(packets) != len(wanted):
        raise SignatureRefused(f"it must hold {len(wanted)} signature packets and nothing else")
    found = []
    for key in wanted:
        mine = [p for p in packets if (p.issuer_fingerprint or "").upper() == key.fingerprint]
        if len(mine) != 1:
            raise SignatureRefused("it is not made by the account's primary key")
        found.append(_verify_one(mine[0], text, key, now=now))
    return found


def _verify_one(packet: Packet, text: bytes, key: AccountKey, *, now: datetime) -> Signed:
    try:
        signature = pysequoia.Sig.from_bytes(bytes(packet))
    except Exception:
        raise SignatureRefused("it cannot be read") from None
    if signature.version != 4 or signature.signature_type != SignatureType.Binary:
        raise SignatureRefused("it must be a version 4 signature of a binary document")
    if signature.hash_algorithm not in _STRONG_HASHES:
        raise SignatureRefused("its hash is weaker than SHA-256")
    if signature.created is None or abs(signature.created - now) > SIGNATURE_WINDOW:
        raise SignatureRefused("it was not made within 10 minutes of the server's clock")
    try:
        cert = pysequoia.Cert.from_bytes(key.armored.encode())
        good = pysequoia.verify(text, store=lambda ids: [cert], signature=signature).valid_sigs
    except Exception:
        raise SignatureRefused("it does not verify over the text that the server expects") from None
    if [one.signing_key.upper() for one in good] != [key.fingerprint]:
        raise SignatureRefused("it is not made by the account's primary key")
    return Signed(packet=bytes(packet), fingerprint=key.fingerprint)


def is_encrypted_message(text: str, *, to: AccountKey, most: int) -> bool:
    """Whether the armored text is one OpenPGP message, encrypted to public keys only and `to` is
    among them."""
    if len(text) > most:
        return False
    try:
        packets = _packets(text, "MESSAGE")
    except ValueError:
        return False
    tags = [packet.tag for packet in packets]
    if len(tags) < 2 or any(tag != Tag.PKESK for tag in tags[:-1]) or tags[-1] not in (Tag.SEIP, Tag.AED):
        return False
    own = {
        packet.fingerprint
        for packet in _packets(to.armored, "PUBLIC KEY BLOCK")
        if packet.fingerprint is not None
    }
    return any(_is_to(packet.body, fingerprint) for packet in packets[:-1] for fingerprint in own)


def _is_to(session_key: bytes, fingerprint: str) -> bool:
    """Whether a PKESK's body names this version 4 key: by its key id (version 3) or its fingerprint
    (version 6; RFC 9580 §5.1)."""
    key = bytes.fromhex(fingerprint)
    return session_key.startswith((b"\x03" + key[-8:], b"\x06\x15\x04" + key))
