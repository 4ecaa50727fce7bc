"""The server's DPoP nonces, and the memory of used proofs that all workers share.

A nonce's key is derived from the root key and a public random epoch that stands in the same cache
as the memory of used proofs. Whoever loses that memory (a restart, a flushed Redis) loses the
epoch with it, and every proof made before is refused as stale instead of being taken twice.
"""

import hashlib
import secrets
import threading
import time

from django.core.cache import cache

from audit.protocol.encoding import lp
from devices.protocol import dpop
from vault import keys

_EPOCH = "dpop:epoch"
# A proof outlives its nonce by the skew on either side; after that it is stale by itself.
_MEMORY_SECONDS = dpop.NONCE_SECONDS + dpop.IAT_WINDOW_SECONDS + 10

_lock = threading.Lock()
_keys: dict[str, bytes] = {}
_current: tuple[int, str] = (0, "")


def _key() -> bytes:
    global _current
    epoch = cache.get(_EPOCH)
    if epoch is None:
        cache.add(_EPOCH, secrets.token_hex(16), timeout=None)
        epoch = cache.get(_EPOCH)
    key = _keys.get(epoch)
    if key is None:
        key = keys.derive(f"dpop-nonce:{epoch}")
        with _lock:
            _keys.clear()
            _keys[epoch] = key
            # Made under the epoch before, so whoever is refused for its nonce must not be given it.
            _current = (0, "")
    return key


def current() -> str:
    """The nonce that this second's answers carry."""
    global _current
    now = int(time.time())
    made, nonce = _current
    if made != now:
        nonce = dpop.make_nonce(_key(), now)
        _current = (now, nonce)
    return nonce


def is_fresh(nonce: str | None) -> bool:
    """Whether this server, with its present memory, made the nonce at most 60 seconds ago."""
    key = _key()
    return nonce is not None and dpop.nonce_is_fresh(nonce, key, time.time())


def first_use(proof: dpop.Proof) -> bool:
    """Remember the proof; False where any worker has seen it before."""
    seen = hashlib.sha256(lp(proof.jkt, proof.jti)).hexdigest()
    return cache.add(f"dpop:seen:{seen}", 1, timeout=_MEMORY_SECONDS)
