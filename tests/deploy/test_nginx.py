"""The nginx example, run by a real nginx before a real server, with a certificate of a throwaway CA."""

import datetime
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.live import REPOSITORY, LiveServer, free_port, wait_for_port

EXAMPLE = REPOSITORY / "deploy" / "nginx"
HOST = "hvx.example"
SNI = {"sni_hostname": HOST}

pytestmark = pytest.mark.needs("nginx")


class Proxy(NamedTuple):
    https_port: int
    http_port: int
    ca: Path

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def client(self, context: ssl.SSLContext | None = None) -> httpx.Client:
        """Speaks to nginx on the loopback as to https://hvx.example."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.https_port}",
            headers={"Host": HOST},
            verify=context or self.context(),
            trust_env=False,
        )


def issue(folder: Path) -> Path:
    """A CA and its certificate for hvx.example, where the example looks for them; gives the CA."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throwaway CA")])

    def builder(name: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )

    ca = builder(ca_name, ca_key.public_key()).add_extension(x509.BasicConstraints(True, 0), True)
    leaf = builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), key.public_key())
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), False)
    live = folder / "live" / HOST
    live.mkdir(parents=True)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (live / "fullchain.pem").write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (live / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "ca.pem"


def configure(folder: Path, server: LiveServer, https_port: int, http_port: int) -> Path:
    """The example as it stands, but for its ports, the certificate's folder and loopback alone."""
    site = (EXAMPLE / "hvx.conf").read_text()
    for line in (
        "    listen [::]:80;\n",
        "    listen [::]:443 ssl default_server;\n",
        "    listen [::]:443 ssl http2;\n",
    ):
        assert line in site
        site = site.replace(line, "")
    site = site.replace("listen 80;", f"listen 127.0.0.1:{http_port};")
    site = site.replace("listen 443 ", f"listen 127.0.0.1:{https_port} ")
    site = site.replace("/etc/letsencrypt", str(folder))
    upstream = (EXAMPLE / "upstream.conf").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{upstream}{site}}}\n"
    )
    return main


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    environment = {"HVX_ORIGIN": f"https://{HOST}", "HVX_TRUSTED_PROXIES": "127.0.0.1"}
    with LiveServer(folder / "server", env=environment) as server:
        ca = issue(folder)
        https_port, http_port = free_port(), free_port()
        configuration = configure(folder, server, https_port, http_port)
        command = ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        assert "[warn]" not in checked.stderr, checked.stderr
        with subprocess.Popen(command) as nginx:
            try:
                wait_for_port(https_port, nginx)
                yield Proxy(https_port, http_port, ca)
            finally:
                nginx.terminate()


def test_tls_1_2_is_refused(proxy: Proxy) -> None:
    context = proxy.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        proxy.client(context) as http,
        pytest.raises(httpx.ConnectError, match=r"(?i)protocol version|handshake"),
    ):
        http.get("/healthz", extensions=SNI)


def test_another_name_gets_no_certificate(proxy: Proxy) -> None:
    context = proxy.context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with proxy.client(context) as http, pytest.raises(httpx.ConnectError, match=r"(?i)unrecognized.name"):
        http.get("/healthz", extensions={"sni_hostname": "other.example"})


def test_a_body_beyond_the_limit_is_refused_before_the_server_sees_it(proxy: Proxy) -> None:
    with proxy.client() as http:
        answer = http.post("/api/hvx/v1/sessions", content=b"x" * 1_100_000, extensions=SNI)
    assert answer.status_code == 413


def test_the_figures_do_not_leave_by_the_proxy(proxy: Proxy) -> None:
    with proxy.client() as http:
        assert http.get("/metrics", extensions=SNI).status_code == 404


def test_plain_http_is_sent_to_https(proxy: Proxy) -> None:
    answer = httpx.get(f"http://127.0.0.1:{proxy.http_port}/healthz", headers={"Host": HOST}, trust_env=False)
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{HOST}/healthz"


def test_the_server_answers_through_tls_1_3_with_hsts(proxy: Proxy) -> None:
    with proxy.client() as http:
        with http.stream("GET", "/healthz", extensions=SNI) as answer:
            tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
            assert tls.version() == "TLSv1.3"
        instance = http.get("/api/hvx/v1/instance", extensions=SNI)
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert instance.json()["origin"] == f"https://{HOST}"


def test_a_socket_passes_the_proxy_and_is_refused_by_the_server_itself(proxy: Proxy) -> None:
    through = connect(
        f"wss://{HOST}/ws/keyexchange",
        sock=socket.create_connection(("127.0.0.1", proxy.https_port)),
        ssl=proxy.context(),
        subprotocols=[Subprotocol("hvx.keyexchange.v1")],
        proxy=None,
    )
    with through, pytest.raises(ConnectionClosed) as closed:
        through.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
