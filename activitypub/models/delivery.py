"""What this server sends, to which inboxes, and what it knows of the hosts behind them."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import MAX_URI, Actor


class Sent(models.Model):
    """An activity of a local actor as it goes out, byte for byte; what the outbox lists and `uri` serves. Or
    one of another server that it passes on, as it came, under a `uri` of this one.

    `public` is whether it is addressed to everybody. One that no delivery needs and no outbox shows is
    deleted.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="sent")
    uri = models.CharField(max_length=MAX_URI, unique=True)
    type = models.CharField(max_length=40)
    object_uri = models.CharField(max_length=MAX_URI, blank=True)
    body = models.BinaryField()
    public = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["actor", "public", "id"], name="activitypub_sent_outbox"),
            models.Index(fields=["object_uri"], name="activitypub_sent_object"),
        ]

    def __str__(self) -> str:
        return f"sent {self.pk}"


class Delivery(models.Model):
    """One activity for one inbox, there until it is delivered or given up.

    `attempts` were made; the next is due at `due_at`. Until `claimed_until` it is a worker's, and no other
    worker touches it. `synchronise` is whether a followers' synchronisation header goes with it.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    activity = models.ForeignKey(Sent, on_delete=models.CASCADE, related_name="deliveries")
    inbox = models.CharField(max_length=MAX_URI)
    host = models.CharField(max_length=300)
    synchronise = models.BooleanField(default=False)
    attempts = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["activity", "inbox"], name="activitypub_delivery_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["host", "due_at"], name="activitypub_delivery_host"),
            models.Index(fields=["due_at"], name="activitypub_delivery_due"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Host(models.Model):
    """What is remembered of a host: how it is spoken to, and whether it answers.

    `scheme` is the signature scheme that it took last. `failed_days` are the days, ISO 8601, on which
    every attempt failed since it was last heard of. `breakers` are those of its inboxes that are not closed.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=300, unique=True)
    scheme = models.CharField(max_length=10, blank=True)
    failed_days = models.JSONField(default=list)
    breakers = models.JSONField(default=dict)
    paused = models.BooleanField(default=False)
    heard_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"host {self.name}"
