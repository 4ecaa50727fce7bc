from django.db import migrations, models

from audit import triggers


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditChain",
            fields=[
                ("chain", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("length", models.PositiveBigIntegerField(default=0)),
                ("hash", models.BinaryField(default=b"", max_length=32)),
                ("seal", models.BinaryField(max_length=32)),
                ("checkpointed", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="AuditRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "chain", "sequence", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("chain", models.CharField(max_length=80)),
                ("sequence", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField(db_index=True)),
                ("event", models.CharField(max_length=40)),
                ("details", models.TextField()),
                ("device_mac", models.BinaryField(max_length=32)),
                ("network_mac", models.BinaryField(max_length=32)),
                ("subject_mac", models.BinaryField(max_length=32)),
                ("previous", models.BinaryField(max_length=32)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={"ordering": ["chain", "sequence"]},
        ),
        migrations.RunPython(
            lambda apps, schema_editor: triggers.install(schema_editor.connection),
            # Going back removes the tables, and their triggers with them.
            migrations.RunPython.noop,
        ),
    ]
