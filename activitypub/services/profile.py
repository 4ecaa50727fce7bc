"""What an actor tells of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from rest_framework import serializers

from activitypub.models import LocalActor
from activitypub.models.actors import MAX_URI
from activitypub.protocol import plain_text
from activitypub.services.announcing import announce_change, update_document
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


def update_profile(actor: LocalActor, profile: Profile) -> Mapping[str, Any]:
    """Change the profile of an account's actor, who may have moved. Returns the Update, which is sent if
    anything is new.

    Raises DRF's ValidationError with what is too long or no address, UnknownActor where it was erased,
    ActorSuspended.
    """
    _require_valid(profile)
    with transaction.atomic():
        require_here(actor)
        row = LocalActor.objects.select_for_update(no_key=True).get(pk=actor.pk)
        new = {name: value for name, value in _columns(profile).items() if getattr(row, name) != value}
        if not new:
            return update_document(row)
        for name, value in new.items():
            setattr(row, name, value)
        row.save(update_fields=new)
        return announce_change(row.pk)


def _columns(profile: Profile) -> Mapping[str, Any]:
    """What is to stand in the actor's row."""
    columns: dict[str, Any] = {
        name: value
        for name in ("display_name", "icon", "image", "locked", "discoverable", "indexable")
        if (value := getattr(profile, name)) is not None
    }
    if profile.summary is not None:
        columns |= {"summary_source": profile.summary, "summary": plain_text.paragraphs(profile.summary)}
    if profile.fields is not None:
        columns["fields"] = [
            {"name": name, "value": plain_text.inline(text), "source": text} for name, text in profile.fields
        ]
    return columns


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
