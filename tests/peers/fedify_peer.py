"""A server on Fedify, made by the process of tests/peers/fedify/ and told what to do."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

CAVAGE = "draft-cavage-http-signatures-12"
RFC9421 = "rfc9421"
PROOF = "proof"
RSA = "RSASSA-PKCS1-v1_5"
ED25519 = "Ed25519"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
# Beside the vocabulary, words of which the documents here make use.
CONTEXT = (
    "https://www.w3.org/ns/activitystreams",
    {
        "Hashtag": "as:Hashtag",
        "sensitive": "as:sensitive",
        "toot": "http://joinmastodon.org/ns#",
        "votersCount": "toot:votersCount",
        "litepub": "http://litepub.social/ns#",
        "EmojiReact": "litepub:EmojiReact",
        "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
        "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
        "quote": {"@id": "https://w3id.org/fep/044f#quote", "@type": "@id"},
        "gts": "https://gotosocial.org/ns#",
        "interactingObject": {"@id": "gts:interactingObject", "@type": "@id"},
        "interactionTarget": {"@id": "gts:interactionTarget", "@type": "@id"},
    },
)
PATIENCE = 60.0

_numbers = itertools.count(1)


class FedifyPeer:
    """A Fedify server of one's own. It hears everything, and does nothing by itself.

    `knocks`: the scheme by which it signs first. `secure`: it shows actors and posts to GETs alone that are
    signed by that scheme.
    """

    def __init__(self, *, knocks: str = CAVAGE, secure: bool = False) -> None:
        self._control = httpx.Client(
            base_url=os.environ["HVX_TEST_FEDIFY_URL"], timeout=PATIENCE, trust_env=False
        )
        self.origin: str = self._post("/new", {"knocks": knocks, "secure": secure})["origin"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ask("end")
        self._control.close()

    def ask(self, verb: str, **asked: Any) -> Any:
        """What a verb of main.js answers."""
        return self._post(f"/{quote(self.origin, safe='')}/{verb}", asked)

    def actor(self, name: str, aliases: Sequence[str] = ()) -> "Fedizen":
        """A new actor, who is `aliases` as well."""
        return Fedizen(self, name, self.ask("actor", name=name, aliases=aliases)["id"])

    def demand(self, scheme: str | None) -> None:
        """From now on its inboxes take what is signed by this scheme, or proven, and nothing else."""
        self.ask("demand", scheme=scheme)

    def hears(self, **like: str) -> dict[str, Any]:
        """The first activity with these members, as Fedify understood it, once it has come."""
        activity: dict[str, Any] = self.ask("heard", like=like)[0]["activity"]
        return activity

    def keeps(self, document: Mapping[str, Any]) -> None:
        """From now on a document stands at its id. It is sent to nobody."""
        self.ask("keep", document={"@context": CONTEXT, **document})

    def has_heard(self, **like: str) -> int:
        """How many activities with these members have come by now."""
        return len(self.ask("heard", like=like, count=0))

    def came(self) -> list[dict[str, Any]]:
        """Every POST to its inboxes, as it came, with what Fedify found it to be signed by."""
        requests: list[dict[str, Any]] = self.ask("came")
        return requests

    def new_uri(self, kind: str) -> str:
        """An address that nothing has yet: of `posts`, `polls`, `stamps` or `activities`."""
        return f"{self.origin}/{kind}/{next(_numbers)}"

    def _post(self, path: str, asked: Mapping[str, Any]) -> Any:
        answer = self._control.post(path, json=asked)
        assert answer.status_code == 200, f"{path} {asked}: {answer.text}"
        return answer.json()


@dataclass(frozen=True)
class Fedizen:
    """Somebody of a Fedify server."""

    peer: FedifyPeer
    name: str
    uri: str

    @property
    def inbox(self) -> str:
        return f"{self.uri}/inbox"

    @property
    def handle(self) -> str:
        return f"@{self.name}@{self.peer.origin.removeprefix('http://')}"

    def activity(self, kind: str, about: Any, **members: Any) -> dict[str, Any]:
        """An activity of theirs with an id of its own."""
        return {
            "@context": CONTEXT,
            "id": self.peer.new_uri("activities"),
            "type": kind,
            "actor": self.uri,
            "object": about,
            **members,
        }

    def note(self, content: str, **members: Any) -> dict[str, Any]:
        """A public post of theirs."""
        return {
            "id": self.peer.new_uri("posts"),
            "type": "Note",
            "attributedTo": self.uri,
            "content": content,
            "published": "2026-03-04T05:06:07Z",
            "to": [PUBLIC],
            **members,
        }

    def say(self, to: str, activity: Mapping[str, Any], keys: Sequence[str] = (RSA,)) -> str:
        """Have Fedify deliver an activity to the inbox of the actor `to`; its id. Refused, it raises.

        With RSA the request is signed, and with ED25519 the activity proven.
        """
        recipient = {"id": to, "inbox": f"{to}/inbox"}
        self.peer.ask("say", by=self.name, to=recipient, activity=activity, keys=keys)
        return str(activity["id"])

    def tell(self, followers: Sequence[str], activity: Mapping[str, Any]) -> str:
        """Have Fedify deliver an activity to these followers, who are all from now on, and say so in its
        `Collection-Synchronization`; its id."""
        known = [
            {"id": uri, "inbox": f"{uri}/inbox", "shared": f"{uri.partition('/users/')[0]}/inbox"}
            for uri in followers
        ]
        self.peer.ask("tell", by=self.name, activity=activity, followers=known)
        return str(activity["id"])

    def knock(
        self,
        inbox: str,
        activity: Mapping[str, Any],
        *,
        scheme: str,
        key: int = 0,
        spoilt: Mapping[str, Any] | None = None,
    ) -> tuple[int, str]:
        """Status and body of the answer to one POST that Fedify signs by a scheme. What is `spoilt`
        (`keyId` before it is signed; `headers`, `activity`, `inbox` afterwards) no longer fits it."""
        answer = self.peer.ask(
            "knock", by=self.name, inbox=inbox, activity=activity, scheme=scheme, key=key, spoilt=spoilt or {}
        )
        return answer["status"], answer["body"]
