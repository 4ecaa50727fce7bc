from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("activitypub", "0011_keys_that_are_over"),
    ]

    operations = [
        migrations.AddField(
            model_name="actor",
            name="moved_here",
            field=models.JSONField(null=True),
        ),
    ]
