"""Posts and activities of this server at their addresses, for servers and, the posts, for browsers."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from activitypub import rendering
from activitypub.errors import ActorSuspended, PostDeleted, UnknownPost
from activitypub.models import Actor, Deleted, LocalActor, Post
from activitypub.protocol.negotiation import Form, wanted
from activitypub.queries import actors, outbox
from activitypub.queries.posts import visible_to
from activitypub.queries.quotes import stamp
from activitypub.rendering.quote_requests import stamp_document
from activitypub.views.actors import POLICY
from activitypub.views.base import CACHED, answer
from activitypub.views.scopes import MayRead
from activitypub.views.signed import GuardedPageView, reader
from devices.authentication import TokenAuthentication

# What one may see and another may not is kept by nobody in between.
UNSHARED = "private, no-store"


class ObjectView(GuardedPageView):
    """What stands at `/users/{username}/objects/{number}`: a post, or an activity."""

    def get(self, request: Request, username: str, number: str) -> HttpResponse:
        """The document, a page for browsers, or the Tombstone of a post that was deleted."""
        form = wanted(request.headers.get("Accept", ""))
        if form is None:
            raise NotAcceptable
        uri = _uri(username, number)
        post = visible_to(None).filter(uri=uri).first()
        if form is Form.PAGE:
            return _page(request, post or _gone(uri))
        if post is not None:
            return answer(rendering.post_document(post), varies=True)
        return _of_activity(uri) or _for_reader(request, uri)


def open_post(username: str, number: str) -> Post:
    """The post at such an address, if it is for everybody. Raises UnknownActor, ActorGone, ActorSuspended,
    PostDeleted, UnknownPost."""
    uri = _uri(username, number)
    return visible_to(None).filter(uri=uri).first() or _gone(uri)


def _uri(username: str, number: str) -> str:
    owner = actors.of_username(username)
    if owner.suspended_at is not None:
        raise ActorSuspended
    if not (number.isascii() and number.isdigit() and len(number) <= 19):
        raise UnknownPost
    return f"{owner.uri}/objects/{number}"


def _of_activity(uri: str) -> HttpResponse | None:
    """An activity that is for everybody, or a stamp, which whoever shows a quote has to read."""
    for entry in outbox.entries([uri]):
        if entry.sent.public:
            return answer(rendering.activity_document(entry), varies=True)
    given = stamp(uri)
    return answer(stamp_document(given), varies=True) if given is not None else None


def _for_reader(request: Request, uri: str) -> HttpResponse:
    """A post or activity that is not for everybody, for one who may see it."""
    viewer = _viewer(request)
    post = visible_to(viewer).filter(uri=uri).first() if viewer is not None else None
    if post is not None:
        response = answer(rendering.post_document(post), varies=True)
    else:
        own = [entry for entry in outbox.entries([uri]) if viewer and entry.sent.actor_id == viewer.pk]
        if not own:
            ended = Deleted.objects.filter(uri=uri, by=None).first()
            if ended is None:
                raise UnknownPost
            return answer(rendering.tombstone(uri, ended.former_type), status=410, varies=True)
        response = answer(rendering.activity_document(own[0]), varies=True)
    response["Cache-Control"] = UNSHARED
    return response


def _viewer(request: Request) -> Actor | None:
    """Who asks: by a token of this server, or by a signature."""
    if "Authorization" in request.headers:
        speaker, _ = TokenAuthentication().authenticate(request)
        if not MayRead.is_open_to(speaker):
            return None
        return LocalActor.objects.filter(account_id=speaker.account_id).first()
    signer = reader(request._request)
    return Actor.objects.filter(uri=signer.actor_uri, suspended_at=None).first() if signer else None


def _gone(uri: str) -> Post:
    """No post for everybody: raises PostDeleted, UnknownPost."""
    raise PostDeleted if Deleted.objects.filter(uri=uri, by=None).exists() else UnknownPost


def _page(request: Request, post: Post) -> HttpResponse:
    """A post for people: those that are for everybody alone."""
    response = render(
        request._request,
        "activitypub/post.html",
        {
            "name": settings.HVX_INSTANCE_NAME,
            "version": settings.HVX_VERSION,
            "source": settings.HVX_SOURCE_URL,
            "host": settings.HVX_HOST,
            "post": post,
        },
    )
    response["Content-Security-Policy"] = POLICY
    response["Cache-Control"] = CACHED
    patch_vary_headers(response, ["Accept"])
    return response
