"""Tasks."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

import accounts.ownership
import audit.triggers


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Task",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.ownership.UUID7(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("title", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True, default="")),
                ("completed", models.BooleanField(default=False)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "id"), name="tasks_task_owner"),
                    accounts.ownership.Isolated(
                        grants=("SELECT", "INSERT", "UPDATE", "DELETE"),
                        name="tasks_task_isolated",
                        owner="owner_id",
                    ),
                    accounts.ownership.Stamped(name="tasks_task_stamped"),
                    models.CheckConstraint(
                        condition=models.Q(("title__regex", "^\\S"), ("title__regex", "\\S$")),
                        name="tasks_task_title_trimmed",
                        violation_error_message="A title is not empty, and has no space at its ends.",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.LessThanOrEqual(
                            django.db.models.functions.text.Length("description"), 100000
                        ),
                        name="tasks_task_description_length",
                        violation_error_message="A description has at most 100000 characters.",
                    ),
                    audit.triggers.Audited(
                        masked=("description",),
                        name="tasks_task_audited",
                        noun="task",
                        omitted=("updated_at",),
                        owner="owner_id",
                    ),
                ],
            },
        ),
    ]
