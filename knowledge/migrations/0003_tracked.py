"""Documents have a version, and stand in the order of changes."""

from django.conf import settings
from django.db import migrations, models

import audit.models
import audit.triggers
import resources.tracking


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0002_masked_titles"),
        ("resources", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="knowledgedoc",
            name="knowledge_knowledgedoc_stamped",
        ),
        migrations.RemoveConstraint(
            model_name="knowledgedoc",
            name="knowledge_knowledgedoc_audited",
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="changed_in",
            field=audit.models.TransactionIdField(db_default=resources.tracking.CurrentTransaction(), editable=False),
        ),
        migrations.AddField(
            model_name="knowledgedoc",
            name="version",
            field=models.PositiveIntegerField(db_default=1, editable=False),
        ),
        migrations.AddIndex(
            model_name="knowledgedoc",
            index=models.Index(fields=["owner", "changed_in", "id"], name="knowledge_knowledgedoc_changed"),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=resources.tracking.Tracked(name="knowledge_knowledgedoc_tracked", noun="document"),
        ),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=audit.triggers.Audited(
                masked=("title", "content", "metadata"),
                name="knowledge_knowledgedoc_audited",
                noun="document",
                omitted=("updated_at", "version", "changed_in"),
                owner="owner_id",
            ),
        ),
    ]
