"""What session key packets and the beginning of encrypted data must look like (RFC 9580 §5.1, §5.3, §5.13).

Each version of encrypted data has its own versions of session keys (§10.3.2.1). Algorithms are those of the
RFC that encrypt; unknown ones are refused, and so is the cipher 0, which is none.
"""

from typing import Final

from storage.protocol.openpgp.refusals import NotEncrypted, Reason

DATA_HEAD_BYTES: Final = 4

_AEAD_CIPHERS: Final = frozenset(range(7, 14))
_CIPHERS: Final = _AEAD_CIPHERS | frozenset(range(1, 5))
# EAX, OCB, GCM: bytes of the nonce.
_NONCES: Final = {1: 16, 2: 15, 3: 12}
_TAG: Final = 16
# Simple, salted, iterated, Argon2: bytes with all parameters.
_S2K: Final = {0: 2, 1: 10, 3: 11, 4: 20}
_KEYS: Final = (16, 24, 32)

_RSA, _RSA_ENCRYPT_ONLY, _ELGAMAL, _ECDH, _X25519, _X448 = 1, 2, 16, 18, 25, 26
_MPIS: Final = {_RSA: 1, _RSA_ENCRYPT_ONLY: 1, _ELGAMAL: 2, _ECDH: 1}
_POINTS: Final = {_X25519: 32, _X448: 56}
# A PKESK of version 6 names the key's version, then its fingerprint.
_FINGERPRINTS: Final = {4: 20, 6: 32}

PKESK_3, PKESK_6, SKESK_4, SKESK_5, SKESK_6 = "PKESK 3", "PKESK 6", "SKESK 4", "SKESK 5", "SKESK 6"

# What encrypted data of a version has at least, and which session keys are for it.
_Data = tuple[int, frozenset[str]]


def pkesk(body: bytes) -> str:
    """Return which kind of session key this is. Raises NotEncrypted."""
    if body[:1] == b"\x03":
        _material(body[9:])
        return PKESK_3
    if body[:1] == b"\x06":
        named = body[1] if len(body) > 1 else 1
        if named:
            version = body[2] if len(body) > 2 else 0
            if _FINGERPRINTS.get(version) != named - 1:
                raise _bad_key()
        _material(body[2 + named :])
        return PKESK_6
    raise _bad_key()


def skesk(body: bytes) -> str:
    """Return which kind of session key this is. Raises NotEncrypted."""
    version = body[0] if body else 0
    if version == 4 and len(body) > 2 and body[1] in _CIPHERS:
        key = len(body) - 2 - _s2k(body[2:])
        # None at all: the passphrase gives the session key itself.
        if key == 0 or key - 1 in _KEYS:
            return SKESK_4
    elif version == 5 and len(body) > 3 and body[1] in _AEAD_CIPHERS and body[2] in _NONCES:
        if len(body) - 3 - _s2k(body[3:]) - _NONCES[body[2]] - _TAG in _KEYS:
            return SKESK_5
    elif version == 6 and len(body) > 5 and body[2] in _AEAD_CIPHERS and body[3] in _NONCES:
        s2k = _s2k(body[5:])
        counted = 3 + s2k + _NONCES[body[3]]
        if (body[4], body[1]) == (s2k, counted) and len(body) - 2 - counted - _TAG in _KEYS:
            return SKESK_6
    raise _bad_key()


def data(head: bytes) -> _Data:
    """The version of SEIPD data, by its first bytes. Raises NotEncrypted."""
    if head[0] == 1:
        # A block and two bytes of chance, and 22 for the digest.
        return 1 + 8 + 2 + 22, frozenset({PKESK_3, SKESK_4})
    if head[0] == 2 and head[1] in _AEAD_CIPHERS and head[2] in _NONCES and head[3] <= 16:
        # A salt, and the tags of a chunk and of the end.
        return DATA_HEAD_BYTES + 32 + 2 * _TAG, frozenset({PKESK_6, SKESK_6})
    raise NotEncrypted(Reason.BAD_DATA)


def aead_data(head: bytes) -> _Data:
    """The same of the packet of tag 20 (draft-koch-librepgp). Raises NotEncrypted."""
    if head[0] == 1 and head[1] in _AEAD_CIPHERS and head[2] in _NONCES and head[3] <= 56:
        least = DATA_HEAD_BYTES + _NONCES[head[2]] + 2 * _TAG
        return least, frozenset({PKESK_3, SKESK_4, SKESK_5})
    raise NotEncrypted(Reason.BAD_DATA)


def _s2k(beginning: bytes) -> int:
    """How many bytes say how a passphrase becomes a key (§3.7)."""
    size = _S2K.get(beginning[0])
    if size is None or size > len(beginning):
        raise _bad_key()
    return size


def _material(rest: bytes) -> None:
    """An algorithm, and the encrypted session key as that algorithm has it, up to the end (§5.1.3)."""
    algorithm = rest[0] if rest else 0
    position = 1
    if algorithm in _POINTS:
        position += _POINTS[algorithm]
    elif algorithm in _MPIS:
        for _ in range(_MPIS[algorithm]):
            bits = int.from_bytes(rest[position : position + 2])
            if bits == 0:
                raise _bad_key()
            position += 2 + (bits + 7) // 8
    else:
        raise _bad_key()
    if algorithm in (_ECDH, _X25519, _X448):
        wrapped = rest[position] if position < len(rest) else 0
        if wrapped == 0:
            raise _bad_key()
        position += 1 + wrapped
    if position != len(rest):
        raise _bad_key()


def _bad_key() -> NotEncrypted:
    return NotEncrypted(Reason.BAD_SESSION_KEY)
