"""How others find an actor, and what they learn of the server: WebFinger, host-meta, NodeInfo."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from activitypub.errors import ResourceInvalid, UnknownActor
from activitypub.models import LocalActor
from activitypub.protocol import nodeinfo, webfinger
from activitypub.protocol.local_uris import INSTANCE_USERNAME, ActorURIs
from activitypub.protocol.negotiation import PROFILE
from activitypub.protocol.nodeinfo import Software
from activitypub.protocol.webfinger import Handle
from activitypub.queries import actors
from activitypub.queries.usage import usage
from activitypub.views.base import CACHED, FederationView, answer

JRD = "application/jrd+json"
XRD = "application/xrd+xml; charset=utf-8"
NODEINFO = f'application/json; profile="{nodeinfo.SCHEMA}{nodeinfo.VERSION}#"'


class WebFingerView(FederationView):
    def get(self, request: Request) -> HttpResponse:
        """The actor of a handle or address (RFC 7033); `rel` asks for those links alone."""
        asked = request.query_params.getlist("resource")
        resource = webfinger.resource(asked[0]) if len(asked) == 1 else None
        if resource is None:
            raise ResourceInvalid
        actor = _actor(resource)
        page = actor.url if actor.username != INSTANCE_USERNAME else None
        document = webfinger.descriptor_of(Handle(actor.username, settings.HVX_HOST), actor.uri, page, None)
        if rels := request.query_params.getlist("rel"):
            document["links"] = [link for link in document["links"] if link["rel"] in rels]
        return answer(document, content_type=JRD)


def _actor(resource: Handle | str) -> LocalActor:
    """Raises UnknownActor, ActorGone."""
    if isinstance(resource, str):
        return actors.at_uri(resource)
    if resource.host != settings.HVX_HOST:
        raise UnknownActor
    return actors.of_handle(resource.username.lower())


class HostMetaView(FederationView):
    def get(self, request: Request) -> HttpResponse:
        """Where WebFinger is (RFC 6415), for those who do not know by the standard."""
        response = HttpResponse(webfinger.host_meta(settings.HVX_ORIGIN), content_type=XRD)
        response["Cache-Control"] = CACHED
        return response


class NodeInfoIndexView(FederationView):
    def get(self, request: Request) -> HttpResponse:
        """Where NodeInfo is, and the server's own actor (FEP-2677)."""
        document = nodeinfo.well_known(settings.HVX_ORIGIN)
        own = {"rel": f"{PROFILE}#Application", "href": ActorURIs.of_instance(settings.HVX_ORIGIN).id}
        return answer({"links": [*document["links"], own]}, content_type="application/json")


class NodeInfoView(FederationView):
    def get(self, request: Request) -> HttpResponse:
        """What the server runs and how much it is used."""
        document = nodeinfo.document(
            Software("hvx", settings.HVX_VERSION),
            homepage="",
            repository=settings.HVX_SOURCE_URL,
            open_registrations=settings.HVX_REGISTRATION == "open",
            usage=usage(),
        )
        return answer(document, content_type=NODEINFO)
