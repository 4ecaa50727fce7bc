"""What people publish, of this server and of others, and who is named in it."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import MAX_URI, Actor, QuotableBy


class PostType(models.TextChoices):
    """ActivityStreams 2.0 Vocabulary §3.3, and Page as Lemmy and others send it."""

    NOTE = "Note"
    ARTICLE = "Article"
    PAGE = "Page"
    QUESTION = "Question"
    IMAGE = "Image"
    AUDIO = "Audio"
    VIDEO = "Video"
    EVENT = "Event"


class Visibility(models.TextChoices):
    """Whom `to` and `cc` name, in the words of Mastodon's client API."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    DIRECT = "direct"


class QuoteState(models.TextChoices):
    """What the author of what is quoted says to it (FEP-044f), in the words of Mastodon's client API."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVOKED = "revoked"


class Post(models.Model):
    """A post. `uri` is the object's `id`.

    `content` and `summary` are HTML that was cleaned when it came or was written; of a local post `source`
    is what its author typed and `source_type` of what kind. `poll` is null or
    `{options: [{name, votes}], multiple, end_time, closed, voters_count}`. `attachments` and `emoji` are
    lists of what `protocol.documents` reads, as plain JSON. A boost is no post: see Boost.
    `in_reply_to_uri` and `quote_uri` stay where what they name is not here. Counters are of what this
    server knows; of replies those that are for everybody count.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    uri = models.CharField(max_length=MAX_URI, unique=True)
    url = models.CharField(max_length=MAX_URI, blank=True)
    author = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="posts")
    type = models.CharField(max_length=8, choices=PostType.choices, default=PostType.NOTE)
    visibility = models.CharField(max_length=8, choices=Visibility.choices)

    name = models.TextField(blank=True)
    content = models.TextField(blank=True)
    source = models.TextField(blank=True)
    source_type = models.CharField(max_length=40, blank=True)
    summary = models.TextField(blank=True)
    sensitive = models.BooleanField(default=False)
    language = models.CharField(max_length=35, blank=True)
    attachments = models.JSONField(default=list)
    emoji = models.JSONField(default=list)
    poll = models.JSONField(null=True)

    in_reply_to = models.ForeignKey("self", on_delete=models.SET_NULL, related_name="replies", null=True)
    in_reply_to_uri = models.CharField(max_length=MAX_URI, blank=True)
    conversation = models.CharField(max_length=MAX_URI, blank=True)
    quote = models.ForeignKey("self", on_delete=models.SET_NULL, related_name="quoted_by", null=True)
    quote_uri = models.CharField(max_length=MAX_URI, blank=True)
    # FEP-044f: only an accepted quote is shown. One's own needs no stamp; that of another has the address of
    # one, which was verified.
    quote_state = models.CharField(max_length=8, choices=QuoteState.choices, blank=True)
    quote_authorization = models.CharField(max_length=MAX_URI, blank=True)
    # Who may quote it, at once and after being asked; empty where its document does not say, or names others.
    quote_automatic_approval = models.CharField(max_length=9, choices=QuotableBy.choices, blank=True)
    quote_manual_approval = models.CharField(max_length=9, choices=QuotableBy.choices, blank=True)
    # Who alone may like, answer or boost it, by `protocol.documents.interactions`; null for everybody.
    limits = models.JSONField(null=True)

    published = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(auto_now_add=True)

    replies_count = models.IntegerField(default=0)
    likes_count = models.IntegerField(default=0)
    boosts_count = models.IntegerField(default=0)
    quotes_count = models.IntegerField(default=0)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["author", "id"], name="activitypub_post_of_author"),
            models.Index(fields=["visibility", "id"], name="activitypub_post_timeline"),
            models.Index(fields=["in_reply_to", "id"], name="activitypub_post_replies"),
            models.Index(fields=["in_reply_to_uri"], name="activitypub_post_awaited"),
            models.Index(fields=["quote_uri"], name="activitypub_post_quoting"),
            models.Index(fields=["quote_authorization"], name="activitypub_post_stamp"),
            models.Index(fields=["conversation", "id"], name="activitypub_post_conversation"),
        ]

    def __str__(self) -> str:
        return f"post {self.pk}"


class Mention(models.Model):
    """An actor who is named in a post, and so may read it."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="mentions")
    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="mentioned_in")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["post", "actor"], name="activitypub_mention_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["actor", "post"], name="activitypub_mentions_of")]

    def __str__(self) -> str:
        return f"mention {self.pk}"


class Hashtag(models.Model):
    """A hashtag of a post, without `#`, as casefold makes it."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="hashtags")
    name = models.CharField(max_length=255)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["post", "name"], name="activitypub_hashtag_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["name", "post"], name="activitypub_hashtag_name")]

    def __str__(self) -> str:
        return f"hashtag {self.pk}"


class Edition(models.Model):
    """What a post said before an edit: an entry of its history."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="editions")
    name = models.TextField(blank=True)
    content = models.TextField(blank=True)
    summary = models.TextField(blank=True)
    sensitive = models.BooleanField(default=False)
    attachments = models.JSONField(default=list)
    poll = models.JSONField(null=True)
    written_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["post", "id"], name="activitypub_editions")]

    def __str__(self) -> str:
        return f"edition {self.pk}"


class Deleted(models.Model):
    """The `id` of an object that its owner's server has deleted: it does not come back by a late Create.

    Of a local post it is what answers 410 at its address. `by` is the actor that said so of what was not
    here: it holds for that actor's objects alone. Null where it was here.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    uri = models.CharField(max_length=MAX_URI)
    by = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="+", null=True)
    former_type = models.CharField(max_length=40, blank=True)
    deleted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["uri"], condition=models.Q(by=None), name="activitypub_deleted_once"
            ),
            models.UniqueConstraint(fields=["uri", "by"], name="activitypub_deleted_once_by"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["deleted_at"], name="activitypub_deleted_kept", condition=models.Q(by__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"deleted {self.pk}"
