from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def name_their_hosts(apps: Any, schema_editor: Any) -> None:
    """Of what waits already."""
    Errand = apps.get_model("activitypub", "Errand")
    Actor = apps.get_model("activitypub", "Actor")
    Post = apps.get_model("activitypub", "Post")
    of_actor = Actor.objects.filter(pk=OuterRef("actor_id")).values("host")
    of_post = Post.objects.filter(pk=OuterRef("post_id")).values("author__host")
    Errand.objects.filter(actor__isnull=False).update(host=Subquery(of_actor))
    Errand.objects.filter(post__isnull=False).update(host=Subquery(of_post))


class Migration(migrations.Migration):
    dependencies = [
        ("activitypub", "0012_moved_here"),
    ]

    operations = [
        migrations.AddField(
            model_name="errand",
            name="host",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.AddIndex(
            model_name="errand",
            index=models.Index(fields=["host"], name="activitypub_errand_host"),
        ),
        migrations.RunPython(name_their_hosts, migrations.RunPython.noop),
    ]
