from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("activitypub", "0008_quotes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="errand",
            name="kind",
            field=models.CharField(
                choices=[
                    ("poll_told", "Poll Told"),
                    ("poll_ended", "Poll Ended"),
                    ("followers_moved", "Followers Moved"),
                    ("actor_gone", "Actor Gone"),
                    ("host_blocked", "Host Blocked"),
                ],
                max_length=16,
            ),
        ),
    ]
