"""The media types under which documents of ActivityPub travel (ActivityPub §3.2)."""

from typing import Final

from activitypub.protocol.negotiation import ACTIVITY, LINKED_DATA, PROFILE

MAX_MEDIA_TYPE_CHARACTERS: Final = 512


def is_activitypub(media_type: str | None) -> bool:
    """Whether this is one of the two, with parameters in any order and case.

    `ld+json` is so only with ActivityStreams' profile: without it, it may be anything.
    """
    if media_type is None or len(media_type) > MAX_MEDIA_TYPE_CHARACTERS:
        return False
    kind, *parameters = (part.strip() for part in media_type.split(";"))
    if kind.lower() == ACTIVITY:
        return True
    if kind.lower() != LINKED_DATA:
        return False
    profiles = (
        value.strip().strip('"').split()  # a profile may name several (RFC 6906)
        for name, _, value in (parameter.partition("=") for parameter in parameters)
        if name.strip().lower() == "profile"
    )
    return any(PROFILE in profile for profile in profiles)
