from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("activitypub", "0013_hosts_of_errands"),
    ]

    operations = [
        migrations.AddField(
            model_name="post",
            name="limits",
            field=models.JSONField(null=True),
        ),
    ]
