"""The contexts of what this server writes: ActivityStreams, and addresses for the words beyond it."""

from collections.abc import Sequence
from typing import Any

from activitypub.protocol.documents.shapes import PUBLIC

__all__ = ["POST_CONTEXT", "PUBLIC", "STREAMS"]

STREAMS = "https://www.w3.org/ns/activitystreams"

# What a post's document, and the activities that carry one, say beyond the vocabulary.
POST_CONTEXT: Sequence[Any] = (
    STREAMS,
    {
        "sensitive": "as:sensitive",
        "Hashtag": "as:Hashtag",
        "toot": "http://joinmastodon.org/ns#",
        "Emoji": "toot:Emoji",
        "votersCount": "toot:votersCount",
        "blurhash": "toot:blurhash",
        "focalPoint": {"@container": "@list", "@id": "toot:focalPoint"},
        "gts": "https://gotosocial.org/ns#",
        "interactionPolicy": {"@id": "gts:interactionPolicy", "@type": "@id"},
        "canQuote": {"@id": "gts:canQuote", "@type": "@id"},
        "automaticApproval": {"@id": "gts:automaticApproval", "@type": "@id"},
        "manualApproval": {"@id": "gts:manualApproval", "@type": "@id"},
        "quote": {"@id": "https://w3id.org/fep/044f#quote", "@type": "@id"},
        "quoteAuthorization": {"@id": "https://w3id.org/fep/044f#quoteAuthorization", "@type": "@id"},
        "quoteUrl": "as:quoteUrl",
        "_misskey_quote": "https://misskey-hub.net/ns#_misskey_quote",
    },
)
