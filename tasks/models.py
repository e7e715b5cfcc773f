"""Tasks."""

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from accounts.ownership import OwnedQuerySet, Titled
from audit.triggers import Audited

MAX_DESCRIPTION = 100_000


class TaskQuerySet(OwnedQuerySet):
    """Tasks, and what is done to them at once."""

    def toggle(self) -> int:
        """Complete what is open and reopen what is complete; the number of tasks changed.

        One UPDATE, so that two toggles at the same moment are two, and not one.
        """
        return self.update(completed=models.ExpressionWrapper(~models.Q(completed=True), models.BooleanField()))


class Task(Titled):
    """Something to be done."""

    description = models.TextField(blank=True, default="")
    completed = models.BooleanField(default=False)

    objects = TaskQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints = [
            *Titled.Meta.constraints,
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), MAX_DESCRIPTION),
                name="tasks_task_description_length",
                violation_error_message=f"A description has at most {MAX_DESCRIPTION} characters.",
            ),
            Audited(name="tasks_task_audited", noun="task", masked=["title", "description"]),
        ]
