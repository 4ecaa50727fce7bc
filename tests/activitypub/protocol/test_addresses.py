"""Which addresses another server may have."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.protocol.addresses import is_loopback, is_public

INSIDE_V4 = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]
OUTSIDE_V4 = ["1.1.1.1", "9.255.255.255", "100.63.255.255", "100.128.0.0", "128.0.0.1", "172.32.0.1"]

INSIDE_V6 = [
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
]
OUTSIDE_V6 = ["2606:4700::1111", "2a01:4f8::1", "2001:4860:4860::8888", "2400:cb00::1"]

NOT_ADDRESSES = [
    "",
    "localhost",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "127.1",
    "0177.0.0.1",
    "01.1.1.1",
    "1.1.1.1 ",
    "1.1.1.1\n",
    "[::1]",
    "①.1.1.1",
    "2606:4700::1111%eth0",
    "1.1.1.1/32",
]


def v4_within(prefix: str, address: str) -> str:
    """An IPv4 address in the last 32 bits under a prefix."""
    return str(
        ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(ipaddress.IPv4Address(address)))
    )


def sixtofour(address: str) -> str:
    return str(ipaddress.IPv6Address(0x2002 << 112 | int(ipaddress.IPv4Address(address)) << 80 | 1))


@pytest.mark.parametrize("address", [*INSIDE_V4, *INSIDE_V6])
def test_an_address_of_no_one_server_in_the_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", INSIDE_V4)
@pytest.mark.parametrize("prefix", ["::ffff:0:0", "64:ff9b::"])
def test_nor_is_it_within_an_ipv6_address(prefix: str, address: str) -> None:
    assert not is_public(v4_within(prefix, address))


@pytest.mark.parametrize("address", INSIDE_V4)
def test_nor_behind_6to4(address: str) -> None:
    assert not is_public(sixtofour(address))


@pytest.mark.parametrize("text", NOT_ADDRESSES)
def test_what_is_no_plain_address_is_neither_public_nor_loopback(text: str) -> None:
    assert not is_public(text)
    assert not is_loopback(text)


@pytest.mark.parametrize("address", [*OUTSIDE_V4, *OUTSIDE_V6])
def test_an_address_in_the_internet_is_public(address: str) -> None:
    assert is_public(address)
    assert not is_loopback(address)


@pytest.mark.parametrize("address", OUTSIDE_V4)
def test_a_public_address_is_public_however_it_is_wrapped(address: str) -> None:
    assert is_public(v4_within("::ffff:0:0", address))
    assert is_public(v4_within("64:ff9b::", address))
    assert is_public(sixtofour(address))


@pytest.mark.parametrize(
    ("address", "is_so"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("fe80::1", False),
    ],
)
def test_loopback_is_this_machine_alone(address: str, is_so: bool) -> None:
    assert is_loopback(address) is is_so


@settings(deadline=None)
@given(st.ip_addresses(v=4).map(str))
def test_what_the_standard_library_calls_private_is_not_public(address: str) -> None:
    assert not (is_public(address) and ipaddress.IPv4Address(address).is_private)


@settings(deadline=None)
@given(st.ip_addresses(v=6).map(str))
def test_an_ipv6_address_is_public_only_where_addresses_are_given_out(address: str) -> None:
    handed_out = ipaddress.IPv6Network("2000::/3"), ipaddress.IPv6Network("64:ff9b::/96")
    mapped = ipaddress.IPv6Network("::ffff:0:0/96")
    if is_public(address):
        assert any(ipaddress.IPv6Address(address) in network for network in (*handed_out, mapped))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_the_rule_fail(text: str) -> None:
    assert is_public(text) in (True, False)
    assert is_loopback(text) in (True, False)
