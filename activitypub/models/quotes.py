"""Leave to quote what is written here: asked for, given and taken back (FEP-044f)."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from activitypub.ids import new_id
from activitypub.models.actors import MAX_URI, Actor
from activitypub.models.posts import Post, QuoteState


class QuoteRequest(models.Model):
    """`asker` wants to quote `post`, of this server, in the post with the id `quoting_uri`.

    `uri` is the id of the request that came last. `stamp` is the address of the QuoteAuthorization, empty
    where none holds: it is served as long as the row says that it was accepted. One that was rejected or
    revoked stays, so that asking again is no way around it.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    asker = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="quote_requests")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="quote_requests")
    uri = models.CharField(max_length=MAX_URI)
    quoting_uri = models.CharField(max_length=MAX_URI)
    state = models.CharField(max_length=8, choices=QuoteState.choices, default=QuoteState.PENDING)
    stamp = models.CharField(max_length=MAX_URI, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["post", "quoting_uri"], name="activitypub_quote_asked_once"),
            models.UniqueConstraint(fields=["stamp"], condition=~Q(stamp=""), name="activitypub_quote_stamp"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["uri"], name="activitypub_quote_request"),
            models.Index(fields=["quoting_uri"], name="activitypub_quote_by"),
        ]

    def __str__(self) -> str:
        return f"quote request {self.pk}"
