"""What an actor tells of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import transaction
from rest_framework import serializers

from activitypub import ports
from activitypub.models import LocalActor
from activitypub.models.actors import MAX_URI
from activitypub.protocol import plain_text
from activitypub.services.presence import require_here

MAX_NAME = 100
MAX_SUMMARY = 5000
MAX_FIELDS = 8
MAX_FIELD = 500


@dataclass(frozen=True)
class Profile:
    """What is to change; None stays as it is. Texts are plain text; `icon` and `image` are addresses, empty
    for none; `fields` are pairs of a name and a text, in place of all that were there."""

    display_name: str | None = None
    summary: str | None = None
    fields: Sequence[tuple[str, str]] | None = None
    icon: str | None = None
    image: str | None = None
    locked: bool | None = None
    discoverable: bool | None = None
    indexable: bool | None = None


def update_profile(actor: LocalActor, profile: Profile) -> LocalActor:
    """Change the profile of an account's actor and return it.

    Raises DRF's ValidationError with what is too long or no address, UnknownActor where it was erased,
    ActorSuspended.
    """
    _require_valid(profile)
    with transaction.atomic():
        require_here(actor)
        actor = LocalActor.objects.get(pk=actor.pk)
        for name in ("display_name", "icon", "image", "locked", "discoverable", "indexable"):
            if (value := getattr(profile, name)) is not None:
                setattr(actor, name, value)
        if profile.summary is not None:
            actor.summary_source = profile.summary
            actor.summary = plain_text.paragraphs(profile.summary)
        if profile.fields is not None:
            actor.fields = [
                {"name": name, "value": plain_text.inline(text), "source": text}
                for name, text in profile.fields
            ]
        actor.save()
        ports.actor_changed(actor.pk)
    return actor


def _require_valid(profile: Profile) -> None:
    faults: dict[str, list[str]] = {}

    def check(name: str, text: str | None, most: int) -> None:
        if text is None:
            return
        if len(text) > most:
            faults.setdefault(name, []).append(f"at most {most} characters")
        if "\0" in text:
            faults.setdefault(name, []).append("holds a NUL")

    check("display_name", profile.display_name, MAX_NAME)
    check("summary", profile.summary, MAX_SUMMARY)
    for text in (text for pair in profile.fields or () for text in pair):
        check("fields", text, MAX_FIELD)
    if len(profile.fields or ()) > MAX_FIELDS:
        faults.setdefault("fields", []).append(f"at most {MAX_FIELDS}")
    for name, address in (("icon", profile.icon), ("image", profile.image)):
        check(name, address, MAX_URI)
        if address and not _is_address(address):
            faults.setdefault(name, []).append("must be an http or https address")
    if faults:
        raise serializers.ValidationError(faults)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable() and " " not in text
    )
