"""One line for what came of a document: its kind and its main fields, for tables that people can check."""

from typing import Any

from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.actors import RemoteActorDocument
from activitypub.protocol.documents.collections import Collection
from activitypub.protocol.documents.objects import Post, Tombstone
from activitypub.protocol.documents.parsing import Parsed, Unknown
from activitypub.protocol.documents.shapes import Reference
from activitypub.protocol.visibility import visibility


def told(parsed: Parsed) -> str:
    match parsed:
        case Activity():
            return _line(
                f"activity {parsed.type}",
                id=_short(parsed.id),
                actor=_short(parsed.actor),
                object=" + ".join(map(_reference, parsed.objects)),
                target=parsed.target and _reference(parsed.target),
                result=parsed.result and _reference(parsed.result),
                content=parsed.content and parsed.content[:20].replace("\n", " "),
                to=_audience(parsed),
            )
        case RemoteActorDocument():
            return _line(
                f"actor {parsed.type}",
                id=_short(parsed.id),
                handle=f"{parsed.username}@{parsed.host}",
                name=parsed.name and parsed.name.value,
                keys=f"{len(parsed.keys)}+{len(parsed.multikeys)}",
                shared=parsed.shared_inbox is not None,
                followers=parsed.followers is not None,
                featured=parsed.featured is not None,
                fields=len(parsed.fields),
                icon=parsed.icon is not None,
                locked=parsed.manually_approves_followers,
                aliases=len(parsed.also_known_as),
            )
        case Post():
            return _line(
                f"post {parsed.type}" + (" vote" if parsed.is_vote else ""),
                id=_short(parsed.id),
                by=" + ".join(map(_short, parsed.attributed_to)),
                to=_audience(parsed),
                name=parsed.name and parsed.name.value[:20],
                content=parsed.content and len(parsed.content.value),
                language=parsed.language,
                warning=parsed.summary and len(parsed.summary.value),
                reply=_short(parsed.in_reply_to),
                mentions=len(parsed.tags.mentions),
                hashtags=len(parsed.tags.hashtags),
                emoji=len(parsed.tags.emoji),
                attachments=len(parsed.attachments),
                links=len(parsed.links),
                options=parsed.poll and [option.votes for option in parsed.poll.options],
                quote=parsed.quote and _short(parsed.quote.uri),
                published=parsed.published and parsed.published.date().isoformat(),
            )
        case Tombstone():
            return _line("tombstone", id=_short(parsed.id), of=parsed.former_type)
        case Collection():
            return _line(
                f"collection {parsed.type}",
                id=_short(parsed.id),
                items=len(parsed.items),
                total=parsed.total_items,
                first=parsed.first and _reference(parsed.first),
                next=_short(parsed.next),
            )
        case Unknown():
            by = " + ".join(map(_short, parsed.attributed_to))
            return _line(f"unknown {' '.join(parsed.types)}", id=_short(parsed.id), by=by)


def _audience(parsed: Activity | Post) -> str:
    return f"{visibility(parsed.to, parsed.cc, None)} {len(parsed.to)}+{len(parsed.cc)}"


def _reference(reference: Reference) -> str:
    if reference.inline is None:
        return _short(reference.id)
    return f"{reference.inline.get('type', 'thing')}({_short(reference.id)})"


def _short(uri: str | None) -> str:
    return (uri or "").removeprefix("https://")


def _line(kind: str, **fields: Any) -> str:
    """Fields that say nothing are left out."""
    return "; ".join([kind, *(f"{name} {value}" for name, value in fields.items() if value)])
