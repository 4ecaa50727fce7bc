"""Where a hashtag leads to: what people of this server wrote with it, for servers and for browsers."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from activitypub import rendering
from activitypub.protocol.negotiation import Form, wanted
from activitypub.queries import collections, tags
from activitypub.queries.collections import FIRST
from activitypub.queries.tags import TagPage
from activitypub.views.actors import POLICY
from activitypub.views.base import CACHED, answer
from activitypub.views.signed import GuardedPageView


class TagView(GuardedPageView):
    def get(self, request: Request, name: str) -> HttpResponse:
        """An OrderedCollection of ids, with `page` a part of it; or a page for browsers."""
        form = wanted(request.headers.get("Accept", ""))
        if form is None:
            raise NotAcceptable
        place = request.query_params.get("page")
        found = tags.page(name, place or FIRST)
        if form is Form.PAGE:
            return _page(request, found)
        uri = rendering.hashtag_address(found.name)
        if place is None:
            return answer(
                {
                    "@context": rendering.STREAMS,
                    "id": uri,
                    "type": "OrderedCollection",
                    "name": f"#{found.name}",
                    "first": f"{uri}?page={FIRST}",
                },
                varies=True,
            )
        page = collections.Page(uri, found.place, [post.uri for post in found.posts], found.next)
        return answer(rendering.collection_page(page), varies=True)


def _page(request: Request, found: TagPage) -> HttpResponse:
    response = render(
        request._request,
        "activitypub/tag.html",
        {
            "name": settings.HVX_INSTANCE_NAME,
            "version": settings.HVX_VERSION,
            "source": settings.HVX_SOURCE_URL,
            "host": settings.HVX_HOST,
            "tag": found,
            "address": rendering.hashtag_address(found.name),
        },
    )
    response["Content-Security-Policy"] = POLICY
    response["Cache-Control"] = CACHED
    patch_vary_headers(response, ["Accept"])
    return response
