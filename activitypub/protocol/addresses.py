"""Which network addresses another server may have.

Who sends us a URL chooses where we connect to. Everything but what is handed out in the Internet is
this machine, our neighbours' or nobody's, and never another server of the fediverse.

The lists are IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890) and stand here in full: what
Python's `is_global` answers differs between its releases.
"""

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

_V4_INSIDE = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; Linux takes 0.0.0.0 for itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a provider's translation
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds tell machines their secrets
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4, withdrawn
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

# The only addresses that are handed out (RFC 4291 §2.4), and what is taken out of them again.
_V6_OUTSIDE = IPv6Network("2000::/3")
_V6_INSIDE = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)

# Addresses that carry an IPv4 address, and how many bits stand behind it.
_V6_CARRIERS = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped: the system connects to the IPv4 address
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (IPv6Network("2002::/16"), 80),  # 6to4 (RFC 3056)
)
_V6_MAPPED = _V6_CARRIERS[0][0]
_V4_MASK = 0xFFFF_FFFF


def is_public(address: str) -> bool:
    """Whether the address is one in the Internet. It is so only in its usual form.

    An IPv6 address that carries an IPv4 address is judged by that one. A zone makes it a local one.
    """
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        for carrier, behind in _V6_CARRIERS:
            if parsed in carrier:
                return _v4_is_public(IPv4Address(int(parsed) >> behind & _V4_MASK))
        return parsed in _V6_OUTSIDE and not any(parsed in network for network in _V6_INSIDE)
    return parsed is not None and _v4_is_public(parsed)


def is_loopback(address: str) -> bool:
    """Whether the address is this machine's own: 127.0.0.0/8, mapped or not, or ::1."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address) and parsed in _V6_MAPPED:
        parsed = IPv4Address(int(parsed) & _V4_MASK)
    return parsed is not None and parsed.is_loopback


def _v4_is_public(address: IPv4Address) -> bool:
    return not any(address in network for network in _V4_INSIDE)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    # A zone says through which of this machine's interfaces: no address in the Internet needs one.
    if not text.isascii() or "%" in text:
        return None
    try:
        return IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return None
