from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("activitypub", "0010_wanted"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="actorkey",
            index=models.Index(
                condition=models.Q(("private__isnull", False), ("retires_at__isnull", False)),
                fields=["retires_at"],
                name="activitypub_key_retired",
            ),
        ),
    ]
