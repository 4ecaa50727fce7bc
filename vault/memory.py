"""Memory for key material: locked against swapping, left out of core dumps, wiped by overwriting."""

import ctypes
import mmap
import os
import resource
from typing import NoReturn, Self, SupportsIndex

from vault.errors import Sealed

_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mlock.argtypes = (ctypes.c_void_p, ctypes.c_size_t)

# Why the system last refused to lock a page of this process; empty while it never has.
_refused = ""


class LockedBytes(mmap.mmap):
    """A page of its own for a key of `length` bytes. Shows nothing of itself; wiped when let go of.

    It is the mapping itself, so that a view of it keeps it from being let go of, and wiped, too early.
    A page that cannot be locked is used all the same, for a server without the right to lock
    must run too: `refusal()` tells, and `manage.py vault status` says it.
    """

    wiped: bool

    def __new__(cls, length: int) -> Self:
        global _refused
        # Private, or a child made by fork would share the page, and wiping in one wipe both.
        held = super().__new__(cls, -1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        held.wiped = False
        held.madvise(mmap.MADV_DONTDUMP)
        address = ctypes.addressof(ctypes.c_char.from_buffer(held))
        if _libc.mlock(address, length) != 0:
            _refused = os.strerror(ctypes.get_errno())
        return held

    @classmethod
    def of(cls, material: bytes | memoryview) -> Self:
        """Return a copy of `material`."""
        with memoryview(material) as source:
            held = cls(source.nbytes)
            held.view[:] = source
        return held

    @classmethod
    def random(cls, length: int) -> Self:
        """Return `length` bytes of the system's generator, which were nowhere else before."""
        held = cls(length)
        with open("/dev/urandom", "rb", buffering=0) as source:
            if source.readinto(held.view) != length:
                raise OSError("the system gave too few random bytes")
        return held

    @property
    def view(self) -> memoryview:
        """The bytes where they are, to be read or written. Raises Sealed once they are wiped."""
        if self.wiped:
            # Zeros that go on as a key would be a key that everybody knows.
            raise Sealed
        return memoryview(self)

    def wipe(self) -> None:
        """Overwrite the bytes. They cannot be used again."""
        self.wiped = True
        self[:] = bytes(len(self))

    def __del__(self) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "<LockedBytes>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a key is not copied or pickled")


def refusal() -> str:
    """Return why a page of this process could not be locked, or nothing where all are."""
    return _refused


def core_dumps_off() -> None:
    """Have this process, and those it starts, leave no core dump and be read by no debugger.

    The limit is inherited by a program started with exec, the other is not: a child calls this too.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def core_dumps_are_off() -> bool:
    """Whether `core_dumps_off` holds in this process."""
    return (
        resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) and _libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
    )
