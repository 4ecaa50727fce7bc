"""Servers are who their certificates say."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from activitypub.fetching.errors import DownForNow, Refused
from activitypub.fetching.fetch import Fetcher
from activitypub.fetching.guard import open_session
from tests.activitypub.fetching.conftest import reason_of
from tests.activitypub.fetching.peer import (
    OUTSIDE,
    Names,
    Peer,
    document,
    redirect,
)


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of that name shows, and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = folder / "server.pem"
    file.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(file)
    return shows, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize(
    ("name", "trusted", "fetched"),
    [
        ("peer.example", True, True),
        ("other.example", True, False),
        ("peer.example", False, False),
    ],
    ids=["its own", "another's", "signed by nobody"],
)
async def test_a_server_without_a_certificate_for_its_name_is_not_believed(
    name: str, trusted: bool, fetched: bool, tmp_path: Path, names: Names
) -> None:
    shows, trusts = certificate(tmp_path, name)
    names.name("peer.example", [OUTSIDE])
    async with (
        Peer(tls=shows) as peer,
        open_session(
            user_agent="Hvx/test",
            allowed=lambda address: address == OUTSIDE,
            resolver=names,
            trust=trusts if trusted else None,
        ) as session,
    ):
        peer.answers["/"] = document({})
        url = peer.url("/", "peer.example")
        assert url.startswith("https:")
        if fetched:
            assert (await Fetcher(session).fetch(url)).url == url
        else:
            with pytest.raises(DownForNow) as error:
                await Fetcher(session).fetch(url)
            assert reason_of(error) == "tls"
            assert peer.requests == []


async def test_a_redirect_from_https_to_http_is_not_followed(tmp_path: Path, names: Names) -> None:
    shows, trusts = certificate(tmp_path, "peer.example")
    names.name("peer.example", [OUTSIDE])
    async with (
        Peer(tls=shows) as peer,
        Peer() as plain,
        open_session(
            user_agent="Hvx/test",
            allowed=lambda address: address == OUTSIDE,
            resolver=names,
            trust=trusts,
        ) as session,
    ):
        peer.answers["/"] = redirect(plain.url())
        plain.answers["/"] = document({})
        with pytest.raises(Refused) as error:
            await Fetcher(session).fetch(peer.url("/", "peer.example"))
        assert reason_of(error) == "plain_http"
        assert plain.connections == 0
