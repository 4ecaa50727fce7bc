"""Passkeys made and used by a real browser: Chromium and its virtual authenticator (DevTools, WebAuthn)."""

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Error, Page, sync_playwright

from tests.live import LiveServer
from tests.people import Handset, LiveWire, Person

pytestmark = pytest.mark.needs("chromium")

AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class _QuietPages(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what a test prints is for the one who reads its failure."""


@contextmanager
def pages() -> Iterator[int]:
    """The page beside this file, on a free loopback port."""
    handler = functools.partial(_QuietPages, directory=str(Path(__file__).parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@dataclass
class Browser:
    """A page of the origin that the server has, and the authenticator plugged into it."""

    page: Page
    devtools: CDPSession
    authenticator: str
    person: Person

    def open(self, origin: str) -> None:
        self.page.goto(f"{origin}/passkeys.html")

    def create(self, options: Any) -> Any:
        return self.page.evaluate("options => create(options)", options)

    def get(self, options: Any) -> Any:
        return self.page.evaluate("options => get(options)", options)

    def verify_user(self, yes: bool) -> None:
        """Whether the authenticator knows its user from now on."""
        self.devtools.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.authenticator, "isUserVerified": yes}
        )


@pytest.fixture(scope="module")
def page_port() -> Iterator[int]:
    with pages() as port:
        yield port


@pytest.fixture(scope="module")
def server_of_the_page(page_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    env = {"HVX_ORIGIN": f"http://localhost:{page_port}"}
    with LiveServer(tmp_path_factory.mktemp("server"), env=env) as live:
        yield live


@pytest.fixture
def browser(server_of_the_page: LiveServer) -> Iterator[Browser]:
    wire = LiveWire(server_of_the_page.url, origin=server_of_the_page.origin)
    person = Person(wire)
    person.register().expect(201)
    with sync_playwright() as playwright:
        # The tests' machine may be a container run by root, where Chromium's sandbox cannot start.
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page()
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        added = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        it = Browser(page, devtools, added["authenticatorId"], person)
        it.open(wire.origin)
        yield it
        chromium.close()
    wire.close()


def creation_options(person: Person) -> Any:
    asked = person.handset.call("POST", "me/passkeys", {"password": person.password})
    return asked.expect(200).json["options"]


def register(browser: Browser) -> None:
    made = browser.create(creation_options(browser.person))
    told = browser.person.handset.call("POST", "me/passkeys", {"name": "chromium", "credential": made})
    assert told.expect(201).json["transports"] == ["internal"]


def request_options(handset: Handset) -> Any:
    return handset.call("POST", "sessions/passkey/options", {}).expect(200).json["options"]


def login(handset: Handset, credential: Any) -> Any:
    body = {"credential": credential, "device": {"name": "chromium", "platform": "tests"}}
    return handset.call("POST", "sessions/passkey", body)


def test_a_browser_registers_a_passkey_and_logs_in_with_it_again_and_again(browser: Browser) -> None:
    register(browser)
    person = browser.person
    phone = person.new_handset("phone")
    for _ in range(2):
        answer = login(phone, browser.get(request_options(phone))).expect(200)
        assert answer.json["state"] == "pending"
        assert answer.json["account"]["username"] == person.username
    phone.remember(answer)
    phone.activate().expect(200)
    assert login(phone, browser.get(request_options(phone))).expect(200).json["state"] == "active"


def test_a_browser_makes_no_second_passkey_on_an_authenticator_that_has_one(browser: Browser) -> None:
    register(browser)
    with pytest.raises(Error, match="InvalidStateError"):
        browser.create(creation_options(browser.person))


@pytest.mark.parametrize("step", ["create", "get"])
def test_a_user_that_is_not_verified_brings_nothing(browser: Browser, step: str) -> None:
    register(browser)
    phone = browser.person.new_handset()
    act: Callable[[], Any] = {
        "create": lambda: browser.create(creation_options(browser.person) | {"excludeCredentials": []}),
        "get": lambda: browser.get(request_options(phone)),
    }[step]
    browser.verify_user(False)
    with pytest.raises(Error, match="NotAllowedError"):
        act()


def test_the_same_name_at_another_port_is_another_origin(browser: Browser) -> None:
    register(browser)
    phone = browser.person.new_handset()
    with pages() as other:
        browser.open(f"http://localhost:{other}")
        # The browser lets it: to WebAuthn both are `localhost`. The server looks at the origin.
        shown = browser.get(request_options(phone))
        made = browser.create(creation_options(browser.person) | {"excludeCredentials": []})
    assert login(phone, shown).refusal == (401, "invalid_credentials")
    answer = browser.person.handset.call("POST", "me/passkeys", {"name": "other", "credential": made})
    assert answer.refusal == (422, "passkey_invalid")


def test_a_removed_passkey_is_refused_though_the_authenticator_has_it(browser: Browser) -> None:
    register(browser)
    handset = browser.person.handset
    [listed] = handset.call("GET", "me/passkeys").expect(200).json["results"]
    handset.call("DELETE", f"me/passkeys/{listed['id']}").expect(204)
    phone = browser.person.new_handset()
    assert login(phone, browser.get(request_options(phone))).refusal == (401, "invalid_credentials")
