"""What answers a post of this server, at an address below the post's."""

from django.http import HttpResponse
from rest_framework.request import Request

from activitypub.queries import replies
from activitypub.queries.collections import FIRST
from activitypub.rendering.replies import replies_collection, replies_page
from activitypub.views.base import answer
from activitypub.views.objects import open_post
from activitypub.views.signed import GuardedView


class RepliesView(GuardedView):
    def get(self, request: Request, username: str, number: str) -> HttpResponse:
        """A Collection with its first page, and with `page` one of them. Of a post that is not for everybody
        there is none."""
        post = open_post(username, number)
        place = request.query_params.get("page")
        found = replies.page(post, place or FIRST)
        return answer(replies_collection(post, found) if place is None else replies_page(post, found))
