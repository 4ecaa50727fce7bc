"""Reports to this server's moderators, and from its people to those of others."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers

from activitypub import rendering
from activitypub.errors import ReportImpossible
from activitypub.models import Actor, LocalActor, Post, Report
from activitypub.queries import actors
from activitypub.services import sending
from activitypub.services.presence import require_here
from audit.events import Event
from audit.services import record

MAX_COMMENT: Final = 3000
# Of one who reports, as long as nobody has looked at them. A server's own actor reports for all its people.
MOST_OPEN: Final = 200


@transaction.atomic
def store(reporter: Actor, target: Actor, posts: Sequence[Post], *, comment: str, uri: str) -> bool:
    """Keep that somebody of another server reports a person of this one, by the Flag with that id; whether
    that is new. One that is too many is not kept."""
    of_reporter = Report.objects.filter(reporter=reporter)
    if of_reporter.filter(uri=uri).exists() or of_reporter.filter(resolved_at=None).count() >= MOST_OPEN:
        return False
    Report.objects.create(
        reporter=reporter,
        target=target,
        post_uris=[post.uri for post in posts],
        comment=comment[:MAX_COMMENT],
        uri=uri,
    )
    return True


def report(
    reporter: LocalActor, target: Actor, posts: Sequence[Post], *, comment: str, forward: bool
) -> Mapping[str, Any]:
    """Let a person of this server report somebody, and posts of theirs, to its moderators. Returns the Flag.

    With `forward` those of the other server are told too: by this server itself, so that they learn what was
    reported and what was said of it, and not by whom. Raises ReportImpossible, DRF's ValidationError for a
    comment that is too long, UnknownActor.
    """
    if target.pk == reporter.pk or (not target.host and target.account_id is None):
        raise ReportImpossible
    if len(comment) > MAX_COMMENT:
        raise serializers.ValidationError({"content": [f"at most {MAX_COMMENT} characters"]})
    with transaction.atomic():
        require_here(reporter)
        kept = Report.objects.create(
            reporter=reporter,
            target=target,
            post_uris=[post.uri for post in posts],
            comment=comment,
            uri=sending.new_activity_uri(reporter),
            forwarded=forward and bool(target.host),
        )
        if kept.forwarded:
            speaker = actors.instance()
            # Under an id of its own: the other one begins with the reporter's.
            told = rendering.flag_document(kept, speaker, sending.new_activity_uri(speaker))
            sending.send(speaker, told, to=[target], object_uri=target.uri)
    return rendering.flag_document(kept, reporter, kept.uri)


@transaction.atomic
def resolve(report: Report) -> bool:
    """A moderator has looked at a report, and nothing of it is left to be done; whether that is new."""
    open_one = Report.objects.filter(pk=report.pk, resolved_at=None)
    if not open_one.update(resolved_at=timezone.now()):
        return False
    record(Event.REPORT_RESOLVED, subject=str(report.pk))
    return True
