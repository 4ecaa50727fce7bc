"""OpenPGP version 4 keys and signatures, packet by packet (RFC 4880, RFC 6637, EdDSA of RFC 9580 §5.5.5.5).

Made in this process, so that a test needs no GnuPG, and freely enough that every kind of key and
signature that a server must refuse can be made. That GnuPG takes the good ones, and that the server
takes GnuPG's, is shown in tests/accounts/test_gnupg_keys.py.
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa, utils, x25519

# Packet tags.
SIGNATURE, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY, USER_ID, PUBLIC_SUBKEY = 2, 5, 6, 7, 13, 14
MARKER, LITERAL = 10, 11
# Signature types.
BINARY, TEXT, POSITIVE, SUBKEY_BINDING, KEY_BINDING, DIRECT_KEY = 0x00, 0x01, 0x13, 0x18, 0x19, 0x1F
KEY_REVOCATION, SUBKEY_REVOCATION = 0x20, 0x28
# Key flags.
CERTIFY, SIGN, ENCRYPT = 0x01, 0x02, 0x0C

SHA1, SHA256, SHA384, SHA512, SHA224 = 2, 8, 9, 10, 11
HASHES = {SHA1: "sha1", SHA256: "sha256", SHA384: "sha384", SHA512: "sha512", SHA224: "sha224"}

ED25519_OID = bytes.fromhex("2b06010401da470f01")
CURVE25519_OID = bytes.fromhex("2b060104019755010501")
P256_OID = bytes.fromhex("2a8648ce3d030107")


def packet(tag: int, body: bytes) -> bytes:
    """A packet in the new format with a five-octet length."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def mpi(number: int) -> bytes:
    return number.bit_length().to_bytes(2, "big") + number.to_bytes((number.bit_length() + 7) // 8, "big")


def mpi_of(raw: bytes) -> bytes:
    return mpi(int.from_bytes(raw, "big"))


def subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


def armored(packets: bytes, kind: str) -> str:
    """ASCII armor with the checksum that GnuPG 2.2 still wants (RFC 4880 §6.1)."""
    check = 0xB704CE
    for octet in packets:
        check ^= octet << 16
        for _ in range(8):
            check <<= 1
            if check & 0x1000000:
                check ^= 0x1864CFB
    encoded = b64encode(packets).decode()
    lines = [encoded[start : start + 64] for start in range(0, len(encoded), 64)]
    checksum = "=" + b64encode(check.to_bytes(3, "big")).decode()
    return "\n".join([f"-----BEGIN PGP {kind}-----", "", *lines, checksum, f"-----END PGP {kind}-----", ""])


@dataclass(frozen=True)
class Part:
    """A primary key or subkey: its public body, its secret numbers, and how it signs a digest."""

    algorithm: int
    public: bytes
    secret: bytes = field(repr=False)
    signs: Callable[[bytes, int], bytes] | None = field(repr=False)
    created: int

    @property
    def body(self) -> bytes:
        return b"\x04" + self.created.to_bytes(4, "big") + bytes([self.algorithm]) + self.public

    @property
    def framed(self) -> bytes:
        """As it is hashed into fingerprints and signatures."""
        return b"\x99" + len(self.body).to_bytes(2, "big") + self.body

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha1(self.framed, usedforsecurity=False).digest()

    @property
    def secret_body(self) -> bytes:
        """Unprotected, as the minimal export of the key exchange is."""
        return self.body + b"\x00" + self.secret + (sum(self.secret) % 65536).to_bytes(2, "big")


def ed25519_part(created: int, private: ed25519.Ed25519PrivateKey | None = None) -> Part:
    key = private or ed25519.Ed25519PrivateKey.generate()

    def signs(digest: bytes, algorithm: int) -> bytes:
        signature = key.sign(digest)
        return mpi_of(signature[:32]) + mpi_of(signature[32:])

    public = bytes([len(ED25519_OID)]) + ED25519_OID + mpi_of(b"\x40" + key.public_key().public_bytes_raw())
    return Part(22, public, mpi_of(key.private_bytes_raw()), signs, created)


def cv25519_part(created: int) -> Part:
    key = x25519.X25519PrivateKey.generate()
    raw = bytearray(key.private_bytes_raw())
    raw[0] &= 248
    raw[31] = (raw[31] & 127) | 64
    public = (
        bytes([len(CURVE25519_OID)])
        + CURVE25519_OID
        + mpi_of(b"\x40" + key.public_key().public_bytes_raw())
        + bytes([3, 1, SHA256, 7])
    )
    return Part(18, public, mpi_of(bytes(reversed(raw))), None, created)


def rsa_part(created: int, bits: int, algorithm: int = 1) -> Part:
    key = rsa.generate_private_key(65537, bits)
    numbers = key.private_numbers()
    public = numbers.public_numbers
    names: dict[int, hashes.HashAlgorithm] = {
        SHA1: hashes.SHA1(),  # noqa: S303
        SHA256: hashes.SHA256(),
        SHA512: hashes.SHA512(),
    }

    def signs(digest: bytes, algorithm: int) -> bytes:
        return mpi_of(key.sign(digest, padding.PKCS1v15(), utils.Prehashed(names[algorithm])))

    # RFC 4880 §5.5.3 wants p < q, and u the inverse of p.
    p, q = sorted((numbers.p, numbers.q))
    secret = b"".join(map(mpi, (numbers.d, p, q, pow(p, -1, q))))
    return Part(algorithm, mpi(public.n) + mpi(public.e), secret, signs, created)


def p256_part(created: int) -> Part:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.private_numbers()
    point = numbers.public_numbers

    def signs(digest: bytes, algorithm: int) -> bytes:
        der = key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        return b"".join(map(mpi, utils.decode_dss_signature(der)))

    raw = b"\x04" + point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
    public = bytes([len(P256_OID)]) + P256_OID + mpi_of(raw)
    return Part(19, public, mpi(numbers.private_value), signs, created)


def dsa_part(created: int) -> Part:
    key = dsa.generate_private_key(2048)
    numbers = key.private_numbers()
    public = numbers.public_numbers
    group = public.parameter_numbers

    def signs(digest: bytes, algorithm: int) -> bytes:
        der = key.sign(digest, utils.Prehashed(hashes.SHA256()))
        return b"".join(map(mpi, utils.decode_dss_signature(der)))

    body = b"".join(map(mpi, (group.p, group.q, group.g, public.y)))
    return Part(17, body, mpi(numbers.x), signs, created)


def signature(
    by: Part,
    signed: bytes,
    *,
    kind: int = BINARY,
    algorithm: int = SHA256,
    created: int,
    hashed: bytes = b"",
    issuer: bytes | None = None,
) -> bytes:
    """A version 4 signature packet by a part over `signed`, as it is hashed for its kind.

    `hashed` are further subpackets; `issuer` is the fingerprint named in it, the part's own unless
    told otherwise.
    """
    assert by.signs is not None, "this part cannot sign"
    names = issuer or by.fingerprint
    inner = subpacket(33, b"\x04" + names) + subpacket(2, created.to_bytes(4, "big")) + hashed
    head = bytes([4, kind, by.algorithm, algorithm]) + len(inner).to_bytes(2, "big") + inner
    trailer = b"\x04\xff" + len(head).to_bytes(4, "big")
    digest = hashlib.new(HASHES[algorithm], signed + head + trailer, usedforsecurity=False).digest()
    outer = subpacket(16, names[-8:])
    return packet(
        SIGNATURE, head + len(outer).to_bytes(2, "big") + outer + digest[:2] + by.signs(digest, algorithm)
    )


def _user_id(name: str) -> bytes:
    raw = name.encode()
    return b"\xb4" + len(raw).to_bytes(4, "big") + raw


@dataclass(frozen=True)
class Subkey:
    part: Part
    binding: bytes


@dataclass(frozen=True)
class OpenPGPKey:
    """A whole key. Every method that makes a variant leaves this one as it is."""

    primary: Part
    user_ids: Sequence[tuple[str, bytes]] = ()
    subkeys: Sequence[Subkey] = ()
    direct: Sequence[bytes] = ()

    @property
    def fingerprint(self) -> str:
        """Upper-case hex."""
        return self.primary.fingerprint.hex().upper()

    @property
    def public_packets(self) -> bytes:
        return self._packets(PUBLIC_KEY, PUBLIC_SUBKEY, lambda part: part.body)

    @property
    def public(self) -> str:
        return armored(self.public_packets, "PUBLIC KEY BLOCK")

    @property
    def secret(self) -> str:
        packets = self._packets(SECRET_KEY, SECRET_SUBKEY, lambda part: part.secret_body)
        return armored(packets, "PRIVATE KEY BLOCK")

    def _packets(self, key: int, subkey: int, body: Callable[[Part], bytes]) -> bytes:
        packets = [packet(key, body(self.primary)), *self.direct]
        for name, binding in self.user_ids:
            packets += [packet(USER_ID, name.encode()), binding]
        for one in self.subkeys:
            packets += [packet(subkey, body(one.part)), one.binding]
        return b"".join(packets)

    def with_user_id(
        self,
        name: str,
        *,
        flags: int = CERTIFY | SIGN,
        algorithm: int = SHA256,
        expires_after: int | None = None,
        created: int | None = None,
    ) -> Self:
        """`expires_after` counts seconds from the key's creation."""
        at = self.primary.created if created is None else created
        binding = signature(
            self.primary,
            self.primary.framed + _user_id(name),
            kind=POSITIVE,
            algorithm=algorithm,
            created=at,
            hashed=_properties(flags, expires_after),
        )
        return replace(self, user_ids=(*self.user_ids, (name, binding)))

    def with_subkey(self, part: Part, *, flags: int, expires_after: int | None = None) -> Self:
        hashed = _properties(flags, expires_after)
        bound = self.primary.framed + part.framed
        if flags & SIGN:
            # A signing subkey agrees to the binding (RFC 4880 §5.2.1, type 0x19).
            back = signature(part, bound, kind=KEY_BINDING, created=part.created)
            hashed += _long_subpacket(32, back[6:])
        binding = signature(
            self.primary, bound, kind=SUBKEY_BINDING, created=self.primary.created, hashed=hashed
        )
        return replace(self, subkeys=(*self.subkeys, Subkey(part, binding)))

    def revoked(self, at: int) -> Self:
        """The same key with a revocation of the whole of it."""
        revocation = signature(
            self.primary,
            self.primary.framed,
            kind=KEY_REVOCATION,
            created=at,
            hashed=subpacket(29, b"\x02compromised"),
        )
        return replace(self, direct=(*self.direct, revocation))

    def with_subkey_revoked(self, at: int) -> Self:
        """The same key with its last subkey revoked."""
        *others, last = self.subkeys
        revocation = signature(
            self.primary,
            self.primary.framed + last.part.framed,
            kind=SUBKEY_REVOCATION,
            created=at,
            hashed=subpacket(29, b"\x02compromised"),
        )
        return replace(self, subkeys=(*others, replace(last, binding=last.binding + revocation)))

    def sign_packet(
        self,
        text: bytes | str,
        *,
        kind: int = BINARY,
        algorithm: int = SHA256,
        created: int | None = None,
        by: Part | None = None,
        issuer: bytes | None = None,
    ) -> bytes:
        """A detached signature's packet over a text, by the primary key unless told otherwise."""
        raw = text.encode() if isinstance(text, str) else text
        if kind == TEXT:
            raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        at = int(time.time()) if created is None else created
        return signature(by or self.primary, raw, kind=kind, algorithm=algorithm, created=at, issuer=issuer)

    def sign(
        self,
        text: bytes | str,
        *,
        kind: int = BINARY,
        algorithm: int = SHA256,
        created: int | None = None,
        by: Part | None = None,
        issuer: bytes | None = None,
    ) -> str:
        """The same, armored."""
        return signature_block(
            self.sign_packet(text, kind=kind, algorithm=algorithm, created=created, by=by, issuer=issuer)
        )


def signature_block(*packets: bytes) -> str:
    """One armored block of these signature packets."""
    return armored(b"".join(packets), "SIGNATURE")


def _properties(flags: int, expires_after: int | None) -> bytes:
    expiry = b"" if expires_after is None else subpacket(9, expires_after.to_bytes(4, "big"))
    # The last says that the key's owner reads MDC and no AEAD, as GnuPG 2.2 does.
    return subpacket(27, bytes([flags])) + expiry + subpacket(30, b"\x01")


def _long_subpacket(kind: int, body: bytes) -> bytes:
    return b"\xff" + (len(body) + 1).to_bytes(4, "big") + bytes([kind]) + body


def make_key(
    name: str = "somebody",
    *,
    created: int | None = None,
    primary: Part | None = None,
    flags: int = CERTIFY | SIGN,
    expires_after: int | None = None,
    subkeys: Iterable[tuple[Part, int]] | None = None,
) -> OpenPGPKey:
    """A key as GnuPG 2.2 makes them: an Ed25519 primary key [SC] with one Curve25519 subkey [E].

    Made an hour ago unless told otherwise, so that no clock's hurry makes it a key of the future.
    """
    at = int(time.time()) - 3600 if created is None else created
    key = OpenPGPKey(primary or ed25519_part(at))
    key = key.with_user_id(name, flags=flags, expires_after=expires_after)
    for part, part_flags in [(cv25519_part(at), ENCRYPT)] if subkeys is None else subkeys:
        key = key.with_subkey(part, flags=part_flags)
    return key
