"""Fills a server's database with what federation works on: followers elsewhere, their keys, and notes.

Runs in the server's environment, before it starts: `python -m bench.federation_fill NOTES`, with what is to
be known of the peers as JSON on standard input. Prints the token of the one local person.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import django

# So many are written by the models; of more there are copies, by the database alone.
_WRITTEN = 1000
# Ids are milliseconds and 22 bits: each copy is an hour older.
_EARLIER = 3_600_000 * 2**22


def fill(notes: int, peers: Sequence[Mapping[str, str]]) -> str:
    """One person, whom all peers follow, and who is named in each of so many notes; their token."""
    from django.db import transaction
    from django.utils import timezone

    from activitypub.models import (
        ActorKey,
        Follow,
        FollowState,
        KeyKind,
        LocalActor,
        Mention,
        Post,
        RemoteActor,
        Visibility,
    )
    from bench.fill import fill as fill_accounts

    token: str = fill_accounts(1)["accounts"][0]["existing"]["token"]
    person = LocalActor.objects.get(account__isnull=False)
    now = timezone.now()
    known = [
        RemoteActor(
            uri=peer["uri"],
            url=peer["uri"],
            host=peer["host"],
            username=peer["name"],
            inbox=f"{peer['uri']}/inbox",
            followers=f"{peer['uri']}/followers",
            fetched_at=now,
        )
        for peer in peers
    ]
    written = [
        Post(
            uri=f"{author.uri}/stored/{number}",
            author=author,
            type="Note",
            visibility=Visibility.PUBLIC,
            content="<p>Said before anything was measured.</p>",
            conversation=f"{author.uri}/stored/{number}",
            published=now - timedelta(days=1),
        )
        for number in range(_WRITTEN)
        for author in (known[number % len(known)],)
    ]
    with transaction.atomic():
        RemoteActor.objects.bulk_create(known)
        ActorKey.objects.bulk_create(
            ActorKey(actor=actor, kind=KeyKind.RSA, key_id=peer["key_id"], public=bytes.fromhex(peer["key"]))
            for actor, peer in zip(known, peers, strict=True)
        )
        Follow.objects.bulk_create(
            Follow(follower=actor, followee=person, state=FollowState.ACCEPTED) for actor in known
        )
        Post.objects.bulk_create(written)
        Mention.objects.bulk_create(Mention(post=post, actor=person) for post in written)
        for copy in range(1, notes // _WRITTEN):
            earlier, suffix = f"- {copy * _EARLIER}", f"|| '/{copy}'"
            _copy(Post, id=f"id {earlier}", uri=f"uri {suffix}", conversation=f"conversation {suffix}")
            _copy(Mention, id=f"id {earlier}", post_id=f"post_id {earlier}")
    return token


def _copy(model: Any, **changed: str) -> None:
    """Write the newest rows once more, with these columns changed."""
    from django.db import connection

    table = model._meta.db_table
    columns = [field.column for field in model._meta.concrete_fields]
    values = ", ".join(changed.get(column, column) for column in columns)
    newest = f"SELECT id FROM {table} ORDER BY id DESC LIMIT {_WRITTEN}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "  # noqa: S608
            f"FROM {table} WHERE id IN ({newest})"
        )


if __name__ == "__main__":
    django.setup()
    print(fill(int(sys.argv[1]), json.load(sys.stdin)))
