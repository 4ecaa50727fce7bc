"""A dry run of a delivery: all that has to hold so that two servers talk, step by step, in plain words.

Nothing is sent but questions, and nothing is kept.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from ipaddress import ip_address

import aiohttp
from django.conf import settings
from django.utils import timezone
from yarl import URL

from activitypub.delivery.posting import SECONDS, fault_of
from activitypub.delivery.signing import place_of
from activitypub.delivery.words import came_to, sentence
from activitypub.fetching.errors import NotFetched, Reason
from activitypub.fetching.finding import find
from activitypub.models import KeyKind, RemoteActor
from activitypub.protocol.documents.actors import RemoteActorDocument, actor
from activitypub.protocol.documents.refusals import RefusedDocument
from activitypub.protocol.signatures.keys import public_key_from_multikey, public_key_from_pem
from activitypub.protocol.signatures.reasons import SignatureError
from activitypub.protocol.uris import origin_of
from activitypub.protocol.webfinger import Handle, handle
from activitypub.queries import actors
from activitypub.queries.deliveries import of_host
from activitypub.queries.hosts import let_in_among, suspended_among
from activitypub.remote import session, signing
from activitypub.threads import in_database


class Mark(StrEnum):
    """How it stands with a step."""

    GOOD = "ok"
    DOUBTFUL = "note"
    BAD = "FAULT"


@dataclass(frozen=True)
class Step:
    """One thing that was looked at."""

    mark: Mark
    text: str


class NoHandle(ValueError):
    """What was typed is no handle."""


async def check(typed: str) -> AsyncIterator[Step]:
    """Go through all that a delivery to this handle needs. A BAD step is the last where the next ones
    depend on it. Raises NoHandle."""
    asked = handle(typed)
    if asked is None:
        raise NoHandle(typed)
    yield _own_origin()
    for step in await _own_actor():
        yield step
    if asked.host == settings.HVX_HOST:
        yield Step(
            Mark.DOUBTFUL, f"{asked.host} is this server itself: to its own people nothing is delivered."
        )
        return
    for step in await in_database(partial(_standing, asked.host)):
        yield step
    found = await _find(asked)
    if isinstance(found, Step):
        yield found
        return
    yield Step(Mark.GOOD, f"{asked} is {found.id}, and its host says the same.")
    yield _keys(found)
    inboxes = list(dict.fromkeys(filter(None, (found.inbox, found.shared_inbox))))
    for step in await in_database(partial(_elsewhere, found, inboxes, asked.host)):
        yield step
    for inbox in inboxes:
        yield await _knock(inbox)


def _own_origin() -> Step:
    origin = origin_of(settings.HVX_ORIGIN)
    if origin is None or origin.host == "localhost" or _is_number(origin.host):
        return Step(
            Mark.BAD, f"HVX_ORIGIN is {settings.HVX_ORIGIN}: others cannot reach that. Set a public name."
        )
    if origin.scheme != "https":
        return Step(Mark.BAD, f"HVX_ORIGIN is {settings.HVX_ORIGIN}: others speak https alone.")
    return Step(Mark.GOOD, f"This server is {settings.HVX_ORIGIN}.")


def _is_number(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


async def _own_actor() -> Sequence[Step]:
    """Whether others find the key by which this server signs, asked from outside as far as that goes."""
    uri, key_id = await in_database(_own_key)
    try:
        document = await session.documents().fetch_document(uri, max_age=0)
        published = [key.id for key in actor(document).keys]
    except NotFetched as error:
        return [
            Step(
                Mark.DOUBTFUL,
                "Our own actor cannot be fetched from here, as others have to for verifying us: "
                f"{sentence(error, settings.HVX_HOST)} From outside it may be otherwise.",
            )
        ]
    except RefusedDocument as refused:
        return [Step(Mark.BAD, f"At {uri} stands something else than our actor: {refused.refusal}.")]
    if key_id not in published:
        return [Step(Mark.BAD, f"{uri} does not publish {key_id}, by which we sign.")]
    return [Step(Mark.GOOD, f"{uri} publishes {key_id}, by which we sign.")]


def _own_key() -> tuple[str, str]:
    own = actors.instance()
    return own.uri, actors.signing_key(own, KeyKind.RSA).key_id


def _standing(host: str) -> list[Step]:
    """What our own rows say of the host."""
    steps = []
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if settings.HVX_FEDERATION_ALLOW_LIST and not let_in_among((host,)):
        steps.append(
            Step(Mark.BAD, f"{host} is not on our allow-list: manage.py federation decide {name} --allow.")
        )
    elif suspended_among((host,)):
        steps.append(Step(Mark.BAD, f"Our moderators have suspended {host}: nothing is exchanged."))
    known = of_host(host, timezone.now())
    if known.paused:
        steps.append(Step(Mark.BAD, f"Deliveries to {host} are paused: manage.py federation resume {host}."))
    if known.is_left_alone:
        steps.append(
            Step(
                Mark.BAD,
                f"{host} failed on {len(known.failed_days)} days and is left alone until it speaks, or "
                f"manage.py federation retry {host}.",
            )
        )
    elif known.failed_days:
        steps.append(Step(Mark.DOUBTFUL, f"Deliveries to {host} failed on {', '.join(known.failed_days)}."))
    if known.breakers:
        steps.append(Step(Mark.DOUBTFUL, f"{known.breakers} of its inboxes are left alone for a minute."))
    if known.waiting:
        last = f" The last attempt: {came_to(known.error)}." if known.error else ""
        steps.append(Step(Mark.DOUBTFUL, f"{known.waiting} deliveries to {host} wait.{last}"))
    return steps or [Step(Mark.GOOD, f"Nothing of ours stands against {host}, and nothing waits for it.")]


def _elsewhere(found: RemoteActorDocument, inboxes: Sequence[str], asked: str) -> list[Step]:
    """What our own rows say of the actor, and of those hosts where it is and takes deliveries that its handle
    does not name."""
    steps = []
    if RemoteActor.objects.filter(uri=found.id, suspended_at__isnull=False).exists():
        steps.append(Step(Mark.BAD, f"Our moderators have suspended {found.id}: nothing is exchanged."))
    hosts = (origin.authority for uri in (found.id, *inboxes) if (origin := origin_of(uri)))
    for host in dict.fromkeys(hosts):
        steps += _standing(host) if host != asked else []
    return steps


async def _find(asked: Handle) -> RemoteActorDocument | Step:
    signer = await in_database(signing.instance_signer)
    try:
        return (await find(session.documents(), asked, signer)).actor
    except NotFetched as error:
        return Step(Mark.BAD, sentence(error, asked.host))


def _keys(found: RemoteActorDocument) -> Step:
    """Whether what it sends us could be verified."""
    good = 0
    for pem in found.keys:
        try:
            public_key_from_pem(pem.pem)
            good += 1
        except SignatureError:
            continue
    for key in found.multikeys:
        try:
            public_key_from_multikey(key.multibase)
            good += 1
        except SignatureError:
            continue
    if good:
        return Step(Mark.GOOD, f"It publishes {good} keys that we can read.")
    if found.key_references:
        return Step(Mark.DOUBTFUL, "Its keys stand in documents of their own, fetched when it sends.")
    return Step(Mark.BAD, "It publishes no key that we can read: nothing that it sends can be verified.")


async def _knock(inbox: str) -> Step:
    """Whether an inbox is there. It is asked by GET, which delivers nothing; any answer will do."""
    signer = await in_database(signing.instance_signer)
    began = time.monotonic()
    try:
        place = place_of(inbox, plain_http=settings.HVX_FEDERATION_ALLOW_PRIVATE)
    except NotFetched as error:
        return Step(Mark.BAD, f"The inbox is not reached: {sentence(error, inbox)}")
    headers = dict(signer.headers("GET", place.url)) if signer is not None else {}
    async with session.open_way() as way:
        try:
            async with way.get(
                URL(place.url, encoded=True),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as response:
                status = response.status
        except (aiohttp.ClientError, OSError) as error:
            why = NotFetched(Reason(fault_of(error).value))
            return Step(Mark.BAD, f"The inbox is not reached: {sentence(why, place.authority)}")
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    if status >= 500:
        return Step(
            Mark.DOUBTFUL, f"The inbox at {place.authority} answers {status} after {took}: it is ill."
        )
    return Step(Mark.GOOD, f"The inbox at {place.authority} answers ({status} to a GET) after {took}.")
