"""Who gets an actor's document, and who its page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.protocol.negotiation import Form, wanted

LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


@pytest.mark.parametrize(
    "accept",
    [
        "image/png",
        "application/activity+json;q=0",
        "text/html;q=0, application/activity+json;q=0",
        "*/*;q=0",
        "text/html;q=nonsense",
        "text/html;q=2",
        'application/ld+json; profile="https://example.org/other"',
        ",;=,",
    ],
)
def test_who_wants_neither_gets_neither(accept: str) -> None:
    assert wanted(accept) is None


@pytest.mark.parametrize(
    "accept",
    [
        "application/activity+json",
        "APPLICATION/Activity+JSON",
        LD,
        f"{LD}, application/activity+json",
        'application/ld+json; PROFILE="https://example.org/a https://www.w3.org/ns/activitystreams"',
        "application/ld+json",
        "application/json",
        "application/*",
        "application/activity+json, */*;q=0.1",
        # As several servers ask: the document by name, and whatever there is.
        "application/activity+json, application/ld+json, */*",
        "application/activity+json, text/html",
        "application/activity+json, text/html;q=0.1",
        "text/html;q=0.5, application/activity+json;q=0.9",
        "text/html;q=0, */*",
    ],
)
def test_a_server_gets_the_document(accept: str) -> None:
    assert wanted(accept) is Form.DOCUMENT


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/*",
        "text/html",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "text/html, application/activity+json;q=0.9",
        "application/activity+json;q=0, */*",
        "text/html;q=0.2, image/png",
    ],
)
def test_a_browser_gets_the_page(accept: str) -> None:
    assert wanted(accept) is Form.PAGE


@given(st.text() | st.text(alphabet='*/;,=q.0189"a plication/jsontexhml+vy '))
def test_no_header_is_too_strange(accept: str) -> None:
    assert wanted(accept) in (None, Form.DOCUMENT, Form.PAGE)
