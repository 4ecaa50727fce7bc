"""The pages that the server shows: strict in what they load, honest about the instance."""

from html.parser import HTMLParser

import pytest
from django.test import Client
from pytest_django import Settings

from hvx import errors_page

PAGES = ["/", "/api/hvx/v1/docs", "/api/hvx/v1/docs/socket", "/api/hvx/v1/docs/errors"]

pytestmark = pytest.mark.django_db


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text inside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline += data.strip()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_takes_no_post(client: Client, page: str) -> None:
    assert client.post(page).status_code == 405


@pytest.mark.parametrize("page", PAGES)
def test_a_page_holds_no_script_and_no_style_of_its_own(client: Client, page: str) -> None:
    elements = Elements(client.get(page).content.decode())
    assert elements.inline == ""
    for _, attributes in elements.found:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_allows_nothing_inline_and_nothing_from_elsewhere(client: Client, page: str) -> None:
    policy = client.get(page)["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert {source for sources in directives.values() for source in sources.split()} <= {
        "'none'",
        "'self'",
        "data:",
    }
    assert "data:" not in directives.get("script-src", "")


@pytest.mark.parametrize("page", [page for page in PAGES if page != "/api/hvx/v1/docs"])
def test_only_the_api_page_may_run_scripts(client: Client, page: str) -> None:
    answer = client.get(page)
    assert "script-src" not in answer["Content-Security-Policy"]
    assert "<script" not in answer.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_everything_that_a_page_loads_or_links_is_served_here(client: Client, page: str) -> None:
    elements = Elements(client.get(page).content.decode())
    addresses = [a.get("src") or a.get("href") or a.get("data-schema") for _, a in elements.found]
    local = {address for address in addresses if address and not address.startswith("#")}
    assert local
    for address in local:
        assert address.startswith("/"), address
        answer = client.get(address)
        answer.close()
        assert answer.status_code == 200, address


def test_the_instance_s_own_words_are_shown_and_never_taken_for_markup(
    client: Client, settings: Settings
) -> None:
    settings.HVX_INSTANCE_NAME = "<b>Commons</b>"
    settings.HVX_INSTANCE_RULES = ["Be kind & <script>alert(1)</script>"]
    page = client.get("/").content.decode()
    assert "<b>Commons" not in page
    assert "<script" not in page
    assert "&lt;b&gt;Commons&lt;/b&gt;" in page
    assert "Be kind &amp; &lt;script&gt;" in page


@pytest.mark.parametrize(
    ("mode", "said", "may_join"),
    [("open", "Open to everyone", True), ("invite", "By invite", True), ("closed", "Closed", False)],
)
def test_the_first_page_says_who_may_join(
    client: Client, settings: Settings, mode: str, said: str, may_join: bool
) -> None:
    settings.HVX_REGISTRATION = mode
    page = client.get("/").content.decode()
    assert said in page
    assert ("hvx register" in page) is may_join


def test_a_changed_server_can_say_where_its_source_is(client: Client, settings: Settings) -> None:
    assert "Source code" not in client.get("/").content.decode()
    settings.HVX_SOURCE_URL = "https://example.org/source"
    assert 'href="https://example.org/source"' in client.get("/").content.decode()


def test_the_api_page_leads_to_the_socket_page(client: Client) -> None:
    assert 'href="/api/hvx/v1/docs/socket"' in client.get("/api/hvx/v1/docs").content.decode()


def test_the_socket_page_shows_every_frame(client: Client) -> None:
    page = client.get("/api/hvx/v1/docs/socket").content.decode()
    for frame in (
        "request",
        "accept",
        "reveal",
        "prove",
        "deliver",
        "ack",
        "cancel",
        "hello",
        "offer",
        "relay",
        "withdrawn",
        "expired",
        "error",
    ):
        assert f'<section id="{frame}">' in page


def test_the_page_of_codes_shows_every_code(client: Client) -> None:
    page = client.get("/api/hvx/v1/docs/errors").content.decode()
    codes = [problem.code for problem in errors_page.problems()]
    assert "challenge_invalid" in codes
    assert [code for code in codes if f'<dt id="{code}">' not in page] == []


def test_an_answer_that_is_no_page_allows_nothing_to_load(client: Client) -> None:
    policy = client.get("/api/hvx/v1/instance")["Content-Security-Policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"


def test_every_call_has_a_summary_in_the_openapi_document(client: Client) -> None:
    schema = client.get("/api/hvx/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert operations
    assert [operation["operationId"] for operation in operations if not operation.get("summary")] == []
