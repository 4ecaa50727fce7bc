"""Actors of this server and of others, in one table."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from activitypub.ids import new_id

# PostgreSQL indexes no value of more than 2,704 bytes: an address has to be written in ASCII.
MAX_URI = 2048


class ActorType(models.TextChoices):
    """ActivityStreams 2.0 Vocabulary §3.3."""

    APPLICATION = "Application"
    GROUP = "Group"
    ORGANIZATION = "Organization"
    PERSON = "Person"
    SERVICE = "Service"


class QuotableBy(models.TextChoices):
    """Whom an author lets quote (FEP-044f), beside the author."""

    PUBLIC = "public"
    FOLLOWERS = "followers"
    NOBODY = "nobody"


class Actor(models.Model):
    """Who speaks in the fediverse. One of this server has no `host`. It belongs to an account, is the
    server's own (an Application), or was an account's that is erased, and stays until others were told.

    `uri` is the actor's `id`. `summary` is HTML: of a local actor made from `summary_source`, which is
    what its owner typed, of a remote one cleaned when it came. `fields` are `{name, value}`, the value
    likewise HTML, and of local ones `source`. `locked` is the vocabulary's
    `manuallyApprovesFollowers`. `published` is when the actor came to be by its own server's word.
    `fetched_at` is when a remote document was read last. `moved_at` is when the actor moved last and this
    server had a part in it, whether it has come back or not, and `moved_here` when others moved to it, of
    the last of them.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="actor", null=True
    )
    uri = models.CharField(max_length=MAX_URI, unique=True)
    host = models.CharField(max_length=300, blank=True)
    username = models.CharField(max_length=300)
    type = models.CharField(max_length=12, choices=ActorType.choices, default=ActorType.PERSON)

    url = models.CharField(max_length=MAX_URI, blank=True)
    inbox = models.CharField(max_length=MAX_URI)
    shared_inbox = models.CharField(max_length=MAX_URI, blank=True)
    outbox = models.CharField(max_length=MAX_URI, blank=True)
    followers = models.CharField(max_length=MAX_URI, blank=True)
    following = models.CharField(max_length=MAX_URI, blank=True)
    featured = models.CharField(max_length=MAX_URI, blank=True)

    display_name = models.CharField(max_length=500, blank=True)
    summary = models.TextField(blank=True)
    summary_source = models.TextField(blank=True)
    fields = models.JSONField(default=list)
    icon = models.CharField(max_length=MAX_URI, blank=True)
    image = models.CharField(max_length=MAX_URI, blank=True)

    locked = models.BooleanField(default=False)
    # Both are for their owner to switch on.
    discoverable = models.BooleanField(default=False)
    indexable = models.BooleanField(default=False)
    # For the posts of a local actor that do not say it themselves: at once, and after being asked.
    quote_automatic_approval = models.CharField(
        max_length=9, choices=QuotableBy.choices, default=QuotableBy.PUBLIC
    )
    quote_manual_approval = models.CharField(
        max_length=9, choices=QuotableBy.choices, default=QuotableBy.NOBODY
    )
    also_known_as = models.JSONField(default=list)
    moved_to = models.CharField(max_length=MAX_URI, blank=True)
    moved_at = models.DateTimeField(null=True)
    moved_here = models.JSONField(null=True)

    published = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["username"], condition=Q(host=""), name="activitypub_actor_one_a_local_name"
            ),
            models.CheckConstraint(
                condition=Q(account=None) | Q(host=""), name="activitypub_actor_accounts_are_local"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["host", "username"], name="activitypub_actor_handle")]

    def __str__(self) -> str:
        return f"actor {self.pk}"


class _Local(models.Manager["LocalActor"]):
    def get_queryset(self) -> models.QuerySet["LocalActor"]:
        return super().get_queryset().filter(host="")


class _Remote(models.Manager["RemoteActor"]):
    def get_queryset(self) -> models.QuerySet["RemoteActor"]:
        return super().get_queryset().exclude(host="")


class LocalActor(Actor):
    """An actor whose keys this server holds. What signs or changes a profile takes no other."""

    objects: ClassVar[_Local] = _Local()

    class Meta:
        proxy = True

    def __str__(self) -> str:
        return super().__str__()

    @property
    def is_instance(self) -> bool:
        """Whether it is the server's own, which belongs to nobody."""
        return self.account_id is None and self.type == ActorType.APPLICATION


class RemoteActor(Actor):
    """An actor of another server, as its document was read last."""

    objects: ClassVar[_Remote] = _Remote()

    class Meta:
        proxy = True

    def __str__(self) -> str:
        return super().__str__()
