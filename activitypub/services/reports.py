"""Reports to this server's moderators, as rows."""

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from activitypub.models import Actor, Post, Report

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
