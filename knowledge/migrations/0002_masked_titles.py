"""The record says that a title changed, and not from what to what."""

from django.db import migrations

from audit.triggers import Audited


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0001_initial"), ("audit", "0002_sealing")]

    operations = [
        migrations.RemoveConstraint(model_name="knowledgedoc", name="knowledge_knowledgedoc_audited"),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=Audited(
                name="knowledge_knowledgedoc_audited",
                noun="document",
                owner="owner_id",
                masked=("title", "content", "metadata"),
                omitted=("updated_at",),
            ),
        ),
    ]
