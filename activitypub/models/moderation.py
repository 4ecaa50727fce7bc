"""What this server's moderators have decided, and what was reported to them."""

from typing import ClassVar

from django.db import models

from activitypub.ids import new_id
from activitypub.models.actors import MAX_URI, Actor


class Severity(models.TextChoices):
    """Silence hides from public timelines; suspend ends all exchange; none leaves it at `reject_media`, or in
    allow-list mode lets the host in."""

    NONE = "noop"
    SILENCE = "silence"
    SUSPEND = "suspend"


class HostPolicy(models.Model):
    """What holds for a host and all its subdomains, with the columns of Mastodon's block list."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    host = models.CharField(max_length=300, unique=True)
    severity = models.CharField(max_length=7, choices=Severity.choices, default=Severity.SILENCE)
    reject_media = models.BooleanField(default=False)
    reject_reports = models.BooleanField(default=False)
    allowed = models.BooleanField(default=False)
    public_comment = models.TextField(blank=True)
    private_comment = models.TextField(blank=True)
    obfuscate = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"policy for {self.host}"


class Report(models.Model):
    """A Flag that came, or that a local person made. `post_uris` are what it names beside `target`."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    reporter = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="reports")
    target = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="reported")
    post_uris = models.JSONField(default=list)
    comment = models.TextField(blank=True)
    uri = models.CharField(max_length=MAX_URI, blank=True)
    forwarded = models.BooleanField(default=False)
    resolved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["resolved_at", "id"], name="activitypub_reports_open")]

    def __str__(self) -> str:
        return f"report {self.pk}"
