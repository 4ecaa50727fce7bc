"""From where the present request comes, for the rows that are written in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv6Address, IPv6Network, ip_address

network: ContextVar[str] = ContextVar("audit_network", default="")
"""As `network_of` gives it; empty where nobody asks over a network."""

operator: ContextVar[str] = ContextVar("audit_operator", default="")
"""The name of the operator who acts; empty where it is nobody's act at the administration's pages."""


def network_of(address: str) -> str:
    """Whom an address stands for: of IPv6 its /64, which one household has to itself (RFC 6177)."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, 64), strict=False))


@contextmanager
def asked_from(address: str) -> Iterator[None]:
    """What is recorded inside comes from this address."""
    token = network.set(network_of(address))
    try:
        yield
    finally:
        network.reset(token)


@contextmanager
def acted_by(name: str) -> Iterator[None]:
    """What is recorded inside is this operator's act."""
    token = operator.set(name)
    try:
        yield
    finally:
        operator.reset(token)
