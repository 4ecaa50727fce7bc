"""From a handle to an actor and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.protocol import webfinger, xrd
from activitypub.protocol.webfinger import Handle, Reason, against, descriptor, handle, resource

ACTOR = "https://ap.a.example/users/alice"
ALICE = Handle("alice", "a.example")
AS_LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


def jrd(**changes: Any) -> dict[str, Any]:
    return {
        "subject": "acct:alice@a.example",
        "links": [{"rel": "self", "type": "application/activity+json", "href": ACTOR}],
    } | changes


def host_meta(link: str, *, root: str = f'XRD xmlns="{xrd.NAMESPACE}"') -> bytes:
    return f"<?xml version='1.0'?><{root}>{link}</{root.split()[0]}>".encode()


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "alice", "@alice", "acct:alice", "alice@", "@a.example", "a@b@c.example",
        "@@alice@a.example",
        "alice@a.example/", "alice@a.example?x", "alice@a.example#x", "alice@a.example:", "alice@a.example:0",
        "alice@a.example:65536", "alice@a..example", "alice@a.example.", "al ice@a.example", "alice@a exam",
        "al\nice@a.example", "al\x00ice@a.example", "al\u202eice@a.example", "alice@<b>", "a/b@a.example",
        "a:b@a.example", "alice@[::1]", "x" * 256 + "@a.example", "ftp://a.example/alice",
        "mailto:a@a.example",
        "https://alice@a.example/", "acct:acct:alice@a.example", "alice@a.example" + " " * 3000,
    ],
)  # fmt: skip
def test_what_is_neither_handle_nor_address_is_not_looked_for(text: str) -> None:
    assert resource(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("acct:alice@a.example", ALICE),
        ("ACCT:alice@A.Example", ALICE),
        ("alice@a.example", ALICE),
        ("@alice@a.example", ALICE),
        ("acct:@alice@a.example", ALICE),
        ("alice@a.example:443", ALICE),
        ("alice@localhost:8000", Handle("alice", "localhost:8000")),
        ("Al.ice-1_x@bücher.example", Handle("Al.ice-1_x", "xn--bcher-kva.example")),
        ("洪兔@a.example", Handle("洪兔", "a.example")),
        (ACTOR, ACTOR),
    ],
)
def test_a_resource_is_a_handle_in_any_spelling_or_an_address(text: str, found: Handle | str) -> None:
    assert resource(text) == found


def test_a_handle_is_the_same_in_any_case_and_of_one_host() -> None:
    assert ALICE.equals(Handle("Alice", "a.example"))
    assert not ALICE.equals(Handle("alice", "b.example"))
    assert (str(ALICE), ALICE.acct) == ("alice@a.example", "acct:alice@a.example")


@pytest.mark.parametrize(
    "link",
    [
        {"rel": "self", "type": "text/html", "href": ACTOR},
        {"rel": "self", "type": "application/json", "href": ACTOR},
        {"rel": "self", "type": "application/ld+json", "href": ACTOR},
        {"rel": "self", "href": ACTOR},
        {"rel": "alternate", "type": "application/activity+json", "href": ACTOR},
        {"rel": "self", "type": "application/activity+json", "href": "/users/alice"},
        {"rel": "self", "type": "application/activity+json"},
        {"rel": ["self"], "type": {}, "href": []},
        "self",
        None,
    ],
)
def test_a_link_of_another_kind_leads_to_no_actor(link: Any) -> None:
    assert descriptor(jrd(links=[link])).actor is None
    assert descriptor(jrd(links=link)).actor is None


@pytest.mark.parametrize("media_type", ["application/activity+json", AS_LD, "application/activity+json; a=b"])
def test_the_first_link_of_activitypubs_type_leads_to_the_actor(media_type: str) -> None:
    html = {"rel": "self", "type": "text/html", "href": "https://a.example/@alice"}
    links = [html, {"rel": "self", "type": media_type, "href": ACTOR}, {"rel": "self", "href": "x"}]
    assert descriptor(jrd(links=links)).actor == ACTOR


@pytest.mark.parametrize(
    ("told", "actor", "username", "reason"),
    [
        (jrd(links=[]), ACTOR, "alice", Reason.NO_SELF_LINK),
        (jrd(subject=None), ACTOR, "alice", Reason.NO_SUBJECT),
        (jrd(subject="acct:alice"), ACTOR, "alice", Reason.NO_SUBJECT),
        (jrd(subject=ACTOR), ACTOR, "alice", Reason.NO_SUBJECT),
        (jrd(), "https://m.example/users/alice", "alice", Reason.OTHER_ACTOR),
        (jrd(), ACTOR + "/", "alice", Reason.OTHER_ACTOR),
        (jrd(subject="acct:bob@a.example"), ACTOR, "alice", Reason.OTHER_HANDLE),
        (jrd(subject="acct:alice@victim.example"), ACTOR, "alice", Reason.OTHER_HANDLE),
        (jrd(), ACTOR, "bob", Reason.OTHER_USERNAME),
        (jrd(), ACTOR, "alice", None),
        (jrd(subject="alice@A.example"), ACTOR, "Alice", None),
    ],
)
def test_a_handle_is_the_actors_only_if_the_loop_closes(
    told: dict[str, Any], actor: str, username: str, reason: Reason | None
) -> None:
    assert against(ALICE, descriptor(told), actor, username) is reason


def test_what_we_tell_of_an_actor_closes_the_loop() -> None:
    subscribe = "https://a.example/authorize_interaction?uri={uri}"
    told = webfinger.descriptor_of(ALICE, ACTOR, "https://a.example/@alice", subscribe)
    found = descriptor(told)
    assert against(ALICE, found, ACTOR, "alice") is None
    assert (found.profile_page, found.subscribe) == ("https://a.example/@alice", subscribe)
    assert found.aliases == (ACTOR, "https://a.example/@alice")
    assert descriptor(webfinger.descriptor_of(ALICE, ACTOR, None, None)).aliases == (ACTOR,)


def test_our_host_meta_leads_to_our_webfinger() -> None:
    template = webfinger.template(webfinger.host_meta("https://a.example").encode())
    assert template == "https://a.example/.well-known/webfinger?resource={uri}"
    assert webfinger.filled(template, Handle("a&b", "a.example")).endswith(
        "?resource=acct%3Aa%26b%40a.example"
    )


@pytest.mark.parametrize(
    "template",
    [
        "", "{uri}", "/x?{uri}", "https://a.example/", "https://a.example/{uri}{uri}", "https://{uri}/",
        "https://a.example{uri}", "https://a.example:{uri}/", "file:///{uri}", "https://u@a.example/{uri}",
    ],
)  # fmt: skip
def test_a_template_without_one_place_for_the_resource_behind_the_host_is_none(template: str) -> None:
    link = f'<Link rel="lrdd" type="application/jrd+json" template="{template}"/>'
    assert webfinger.template(host_meta(link)) is None


def test_json_is_asked_for_where_the_server_has_it() -> None:
    links = "".join(
        f'<Link rel="{rel}"{kind} template="https://a.example/{number}?{{uri}}"/>'
        for number, (rel, kind) in enumerate(
            [("x", ""), ("lrdd", ""), ("lrdd", ' type="application/jrd+json"'), ("lrdd", ' type="x"')]
        )
    )
    assert webfinger.template(host_meta(links)) == "https://a.example/2?{uri}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<XRD/>",
        b"<html></html>",
        b"<XRD",
        host_meta("<Link>"),
        host_meta("", root='XRD xmlns="http://elsewhere.example/"'),
        b"<!DOCTYPE XRD>" + host_meta(""),
        b'<!DOCTYPE foo [<!ENTITY x SYSTEM "file:///etc/passwd">]><XRD>&x;</XRD>',
        b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><XRD>&b;</XRD>',
        b"<?xml version='1.0' encoding='x-unknown'?><XRD/>",
        host_meta("&undefined;"),
        host_meta(" " * xrd.MAX_BYTES),
    ],
)
def test_what_is_no_xrd_or_declares_a_document_type_is_refused(body: bytes) -> None:
    with pytest.raises(xrd.Malformed):
        webfinger.template(body)


def test_links_of_another_namespace_or_deeper_down_are_not_looked_at() -> None:
    link = '<Link rel="lrdd" template="https://a.example/{uri}"/>'
    assert webfinger.template(host_meta(f"<Deeper>{link}</Deeper>")) is None
    foreign = link.replace("<Link", '<Link xmlns="http://elsewhere.example/"')
    assert webfinger.template(host_meta(foreign)) is None


def test_no_more_than_128_links_are_read() -> None:
    assert len(xrd.read(host_meta("<Link/>" * 200)).links) == xrd.MAX_LINKS


@given(st.text())
def test_any_text_is_a_handle_an_address_or_nothing(text: str) -> None:
    found = handle(text)
    assert found is None or handle(str(found)) == found


@given(
    st.binary()
    | st.text(max_size=60).map(
        lambda text: host_meta("").replace(b"></", text.encode("utf-8", "ignore") + b"></")
    )
)
def test_any_bytes_are_an_xrd_or_refused(body: bytes) -> None:
    try:
        assert isinstance(xrd.read(body), xrd.XRD)
    except xrd.Malformed as error:
        assert not error.args
