from django.db import migrations

from audit import triggers


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_chains")]

    operations = [
        migrations.RunPython(
            # SQLite's refuse a row of another's rowid as well.
            lambda apps, schema_editor: triggers.install(schema_editor.connection),
            migrations.RunPython.noop,
        ),
    ]
