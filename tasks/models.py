"""Tasks."""

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from accounts.ownership import Owned, OwnedQuerySet
from audit.triggers import Audited

MAX_TITLE = 255
MAX_DESCRIPTION = 100_000


class TaskQuerySet(OwnedQuerySet):
    """Tasks, and what is done to them at once."""

    def toggle(self) -> int:
        """Complete what is open and reopen what is complete; the number of tasks changed.

        One UPDATE, so that two toggles at the same moment are two, and not one.
        """
        return self.update(completed=models.ExpressionWrapper(~models.Q(completed=True), models.BooleanField()))


class Task(Owned):
    """Something to be done."""

    title = models.CharField(max_length=MAX_TITLE)
    description = models.TextField(blank=True, default="")
    completed = models.BooleanField(default=False)

    objects = TaskQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints = [
            *Owned.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(title__regex=r"^\S") & models.Q(title__regex=r"\S$"),
                name="tasks_task_title_trimmed",
                violation_error_message="A title is not empty, and has no space at its ends.",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), MAX_DESCRIPTION),
                name="tasks_task_description_length",
                violation_error_message=f"A description has at most {MAX_DESCRIPTION} characters.",
            ),
            Audited(name="tasks_task_audited", noun="task"),
        ]

    def __str__(self) -> str:
        return self.title
