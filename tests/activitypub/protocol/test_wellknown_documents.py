"""What comes of other servers' WebFinger, host-meta and NodeInfo documents."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from activitypub.protocol import nodeinfo, webfinger, xrd
from activitypub.protocol.documents.reading import read
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.webfinger import Descriptor

pytestmark = pytest.mark.needs("vectors")

# Of WebFinger: subject and actor. Of host-meta: the template. Of NodeInfo: the software. Of its index: the
# address. Those that are templates themselves name no host, so they come to nothing.
EXPECTED: dict[str, str] = {
    "mastodon-webfinger": "gargron@quitter.no → https://ap.example.com/users/foo",
    "mastodon-activitypub-webfinger": "foo@ap.example.com → https://ap.example.com/users/foo",
    "mastodon-webfinger-hacker2": "catsrgr8@quitter.no → None",
    "masto-webfinger.json": "None → None",
    "pleroma-webfinger.json": "None → None",
    "webfinger_emelie.json": "emelie@mastodon.social → https://mastodon.social/users/emelie",
    "winterdienst_webfinger.json": "winterdienst@gnusocial.de → None",
    "framasoft@framatube.org.json": "framasoft@framatube.org → https://framatube.org/accounts/framasoft",
    "kaniini@gerzilla.de.json": "None → https://gerzilla.de/channel/kaniini",
    "pekorino@pawoo.net_host_meta.json": "pekorino@pawoo.net → https://pawoo.net/users/pekorino",
    "wp-notiz-blog-well-known-webfinger": "pfefferle@notiz.blog → https://notiz.blog/author/matthias-pfefferle/",
    "wp-example-com-well-known-webfinger": "refused",
    "shp@social.heldscal.la.xml": "shp@social.heldscal.la → None",
    "lain_squeet.me_webfinger.xml": "lain@squeet.me → None",
    "kpherox@mstdn.jp.xml": "kPherox@mstdn.jp → https://mstdn.jp/users/kPherox",
    "mastodon-host-meta": "https://quitter.no/.well-known/webfinger?resource={uri}",
    "mastodon-redirected.host-meta": "https://redirected.com/.well-known/webfinger?resource={uri}",
    "mastodon-localdomain-hostmeta": "https://webdomain.com/.well-known/webfinger?resource={uri}",
    "masto-host-meta.xml": "None",
    "host-meta-zetsubou.xn--q9jyb4c.xml": "https://zetsubou.xn--q9jyb4c/.well-known/webfinger?resource={uri}",
    "mastodon.social_host_meta": "https://mastodon.social/.well-known/webfinger?resource={uri}",
    "framatube.org_host_meta": "https://framatube.org/main/xrd?uri={uri}",
    "squeet.me_host_meta": "https://squeet.me/xrd/?uri={uri}",
    "social.heldscal.la_host_meta": "https://social.heldscal.la/.well-known/webfinger?resource={uri}",
    "xml_external_entities.xml": "refused",
    "mastodon-nodeinfo20.json": "mastodon 4.1.0",
    "mastodon-well-known-nodeinfo.json": "https://mastodon.example.org/nodeinfo/2.0",
    "nodeinfo-spec-1.0": "diaspora 0.5.0",
    "nodeinfo-spec-2.0": "diaspora 0.5.0",
    "nodeinfo-spec-2.1": "diaspora 0.5.0",
}


def documents() -> list[dict[str, Any]]:
    path = Path(os.environ["HVX_VECTORS"]) / "wellknown" / "documents.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())["documents"]
    return found


def outcome(document: dict[str, Any]) -> str:
    body = (json.dumps(document["json"]) if "json" in document else document["text"]).encode()
    try:
        match document["kind"], "json" in document or body[:1] == b"{":
            case "webfinger", True:
                return described(webfinger.descriptor(read(body)))
            case "webfinger", False:
                return described(webfinger.descriptor_from_xrd(body))
            case "nodeinfo", _:
                software = nodeinfo.software(read(body))
                assert software is not None
                return f"{software.name} {software.version}"
            case "nodeinfo-index", _:
                return str(nodeinfo.address(read(body)))
            case _:
                return str(webfinger.template(body))
    except (RefusedDocument, xrd.Malformed):
        return "refused"


def described(descriptor: Descriptor) -> str:
    return f"{descriptor.subject} → {descriptor.actor}"


def test_of_every_well_known_document_comes_what_the_table_says() -> None:
    found = {document["id"]: outcome(document) for document in documents()}
    assert len(found) == 30
    assert found == EXPECTED
