"""The native API over HTTP (PROTOCOL §1 and §3): proofs, tokens, problems."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client.faults import ApiError, Fault, NoAnswer
from client.protocol import dpop
from client.protocol.encoding import check_origin
from client.text import clean

BASE = "/api/hvx/v1/"
MAX_ANSWER = 4 * 1024 * 1024
TIMEOUT = 30.0


class Api:
    """Calls to one server by one device.

    `token` is kept in memory only; it is bound to the device key, and every call that uses it
    carries a proof. The nonce for the next proof comes with each answer.
    """

    def __init__(
        self,
        origin: str,
        device_key: Ed25519PrivateKey | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.origin = check_origin(origin)
        self.device_key = device_key
        self.token: str | None = None
        self.nonce: str | None = None
        self._clock = clock
        self._http = httpx.Client(
            transport=transport,
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=not is_loopback(origin),
            headers={"Accept": "application/json", "User-Agent": "hvx"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, *, params: Mapping[str, str] | None = None, public: bool = False) -> Any:
        """The JSON of an answer to GET; `public` calls carry neither token nor proof."""
        return self.call("GET", path, params=params, token=not public, prove=False)

    def post(self, path: str, body: object, *, params: Mapping[str, str] | None = None) -> Any:
        """POST with the token and a proof."""
        return self.call("POST", path, body=body, params=params)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object | None = None,
        params: Mapping[str, str] | None = None,
        token: bool = True,
        prove: bool = True,
        into: Callable[[bytes], object] | None = None,
    ) -> Any:
        """The JSON of the answer, None where there is none. `ApiError` or `NoAnswer` else.

        `into` takes the pieces of an answer that is a ZIP file, however large.
        """
        for attempt in (1, 2):
            try:
                return self._once(method, path, body, params, token, prove, into)
            except ApiError as error:
                if error.code == "invalid_dpop_proof" and "htu" in error.detail:
                    self._say_other_origin(error)
                if error.code != "use_dpop_nonce" or attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def proof(self, method: str, path: str, *, token: str | None) -> str:
        """A proof for one request to an absolute path of this server."""
        if self.device_key is None:
            raise ValueError("there is no device key to prove with")
        return dpop.proof(
            self.device_key,
            method=method,
            url=self.origin + path,
            now=int(self._clock()),
            jti=secrets.token_urlsafe(16),
            nonce=self.nonce,
            token=token,
        )

    def _say_other_origin(self, refusal: ApiError) -> None:
        # The proof is of the address that was typed: it is for the user to say that another is meant.
        try:
            told = check_origin(self._once("GET", "instance", None, None, False, False, None)["origin"])
        except (Fault, ValueError, TypeError, KeyError):
            return
        if told != self.origin:
            raise Fault(f"This server calls itself {told}; use --origin {told}.") from refusal

    def _once(
        self,
        method: str,
        path: str,
        body: object | None,
        params: Mapping[str, str] | None,
        with_token: bool,
        prove: bool,
        into: Callable[[bytes], object] | None,
    ) -> Any:
        address = BASE + path
        token = self.token if with_token else None
        headers = {} if into is None else {"Accept": "application/zip"}
        if token is not None:
            headers["Authorization"] = f"DPoP {token}"
        if token is not None or prove:
            headers["DPoP"] = self.proof(method, address, token=token)
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        try:
            request = self._http.build_request(
                method, self.origin + address, params=params, headers=headers, content=content
            )
            answer = self._http.send(request, stream=True)
            try:
                return self._read(answer, into)
            finally:
                answer.close()
        except httpx.HTTPError as fault:
            raise NoAnswer(f"{self.origin} does not answer ({type(fault).__name__}).") from fault

    def _read(self, answer: httpx.Response, into: Callable[[bytes], object] | None) -> Any:
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        if into is not None and answer.is_success:
            for piece in answer.iter_bytes():
                into(piece)
            return None
        raw = bytearray()
        for chunk in answer.iter_bytes():
            raw += chunk
            if len(raw) > MAX_ANSWER:
                raise NoAnswer("The server's answer is too large.")
        if answer.is_success and not raw:
            return None
        try:
            content = json.loads(raw)
        except ValueError:
            content = None
        if answer.is_success and content is not None:
            return content
        problem = content if isinstance(content, dict) else {}
        if not isinstance(problem.get("code"), str):
            raise NoAnswer(f"{self.origin} answered {answer.status_code}, but not in the protocol.")
        raise ApiError(
            answer.status_code,
            clean(problem["code"], 60),
            _detail(problem),
            answer.headers.get("Retry-After"),
        )


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


def is_loopback(origin: str) -> bool:
    """Whether `origin` is this machine, which no proxy reaches."""
    host = urlsplit(origin).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _detail(problem: Mapping[str, Any]) -> str:
    detail = problem.get("detail") or problem.get("title") or ""
    errors = problem.get("errors")
    told = []
    if isinstance(errors, dict):
        for name, messages in list(errors.items())[:5]:
            texts = messages if isinstance(messages, list) else [messages]
            told.append(f"{name}: {' '.join(str(text) for text in texts[:3])}")
    return clean(" ".join(told) or str(detail), 300)
