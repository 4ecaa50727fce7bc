"""Update: a post or a profile says something else now."""

from activitypub.inbox.context import Context, NoEffect
from activitypub.inbox.handlers import arriving
from activitypub.models import ActorKey, KeyKind
from activitypub.protocol import authority
from activitypub.protocol.documents import objects, shapes, vocabulary
from activitypub.protocol.documents.activities import Activity
from activitypub.protocol.documents.reading import Document
from activitypub.remote import actors
from activitypub.services import polls, posts
from activitypub.services.remote_actors import KnownKey


def handle(context: Context, activity: Activity) -> None:
    match authority.brought(activity):
        case authority.Refuse(reason):
            raise NoEffect(reason)
        case authority.Believe(document):
            _take(context, activity, document)
        case authority.Fetch(uri):
            _take(context, activity, context.fetch(uri, fresh=True))


def _take(context: Context, activity: Activity, document: Document) -> None:
    if vocabulary.first_of(shapes.types(document), vocabulary.ACTORS):
        _profile(context, document)
    else:
        _post(context, activity, arriving.read(document))


def _profile(context: Context, document: Document) -> None:
    found = actors.read(document)
    if found.id != context.actor.uri:
        raise NoEffect(authority.Reason.OBJECT_OF_ANOTHER)
    # A key that it only names stands in a document of its own, which was fetched when it was used first.
    named = ActorKey.objects.filter(actor=context.actor, key_id__in=found.key_references)
    further = [KnownKey(row.key_id, KeyKind(row.kind), bytes(row.public)) for row in named.defer("private")]
    actors.store(found, context.now, further)


def _post(context: Context, activity: Activity, post: objects.Post) -> None:
    row = posts.known(post.id)
    if row is None:
        # It came before its Create, or that was never for anybody here.
        arriving.keep(context, post)
        return
    if reason := authority.against_change(activity, row.author.uri):
        raise NoEffect(reason)
    if post.updated is not None and row.edited_at is not None and post.updated < row.edited_at:
        raise NoEffect("outdated")
    if not arriving.revise(context, row, post):
        raise NoEffect("unchanged")
    polls.heard(row, context.now)
