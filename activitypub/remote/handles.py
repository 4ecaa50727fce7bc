"""Actors by their handles: those that are known, and others found where their host says."""

import asyncio
from collections.abc import Collection, Mapping

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from activitypub.fetching.errors import NotFetched
from activitypub.fetching.finding import Found, find
from activitypub.models import Actor, RemoteActor
from activitypub.protocol.webfinger import Handle
from activitypub.queries.hosts import suspended_among
from activitypub.remote import actors, session, signing

# So many strangers are asked for on behalf of one text, all at once, for so long.
MOST_STRANGERS = 20
SECONDS = 10.0


def resolve(handles: Collection[Handle]) -> Mapping[Handle, Actor]:
    """Those of these handles behind whom there is somebody. Who cannot be found in time is left out.

    For an actor that is known nothing is fetched. Suspended hosts are not asked.
    """
    known = _known(handles)
    missing = [handle for handle in handles if handle not in known and handle.host != settings.HVX_HOST]
    shut = suspended_among({handle.host for handle in missing})
    asked = [handle for handle in missing if handle.host not in shut][:MOST_STRANGERS]
    if not asked:
        return known
    found = session.run(_find_all(asked, signing.instance_signer()))
    now = timezone.now()
    for handle, stranger in found.items():
        try:
            known[handle] = actors.store(stranger.actor, now)
        except NotFetched:
            continue
    return known


def _known(handles: Collection[Handle]) -> dict[Handle, Actor]:
    if not handles:
        return {}
    wanted = Q()
    for handle in handles:
        host = "" if handle.host == settings.HVX_HOST else handle.host
        # A remote name may have been typed in another case; here there is one.
        wanted |= Q(host=host, username__in={handle.username, handle.username.lower()})
    rows = Actor.objects.filter(wanted, suspended_at=None).exclude(account=None, host="")
    found = {Handle(row.username.casefold(), row.host or settings.HVX_HOST): row for row in rows}
    folded = {handle: Handle(handle.username.casefold(), handle.host) for handle in handles}
    return {handle: found[key] for handle, key in folded.items() if key in found}


async def _find_all(handles: Collection[Handle], signer: signing.KeySigner | None) -> dict[Handle, Found]:
    async def one(handle: Handle) -> Found | None:
        try:
            async with asyncio.timeout(SECONDS):
                return await find(session.documents(), handle, signer)
        except (NotFetched, TimeoutError):
            return None

    found = await asyncio.gather(*map(one, handles))
    return {handle: one for handle, one in zip(handles, found, strict=True) if one is not None}


def row_at(uri: str) -> Actor:
    """The actor with this id, of this server or another. Raises as remote.actors.resolve."""
    known = Actor.objects.filter(uri=uri, host="").exclude(account=None).first()
    return known or RemoteActor.objects.filter(uri=uri).first() or actors.resolve(uri)
