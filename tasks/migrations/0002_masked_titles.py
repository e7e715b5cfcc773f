"""The record says that a title changed, and not from what to what."""

from django.db import migrations

from audit.triggers import Audited


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial"), ("audit", "0002_sealing")]

    operations = [
        migrations.RemoveConstraint(model_name="task", name="tasks_task_audited"),
        migrations.AddConstraint(
            model_name="task",
            constraint=Audited(
                name="tasks_task_audited",
                noun="task",
                owner="owner_id",
                masked=("title", "description"),
                omitted=("updated_at",),
            ),
        ),
    ]
