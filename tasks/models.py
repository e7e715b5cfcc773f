"""Tasks and their labels."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from accounts.ownership import OwnedReference
from audit.triggers import Audited
from resources.metadata import PreservedJSONField, metadata_constraints, validate_metadata
from resources.models import Resource, Titled, Trashable
from resources.tracking import Tracked
from tasks.rules import Derived, Labelled, Tree, Unlabelling

MAX_DESCRIPTION = 100_000
MAX_LABELS = 50
MAX_LABEL_NAME = 60
MAX_DEPTH = 5


class Label(Resource):
    """A name that its owner puts on tasks. Unique whatever its case, by Unicode's rules."""

    name = models.CharField(max_length=MAX_LABEL_NAME)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *Resource.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(name__regex=r"^\S") & models.Q(name__regex=r"\S$"),
                name="tasks_label_name_trimmed",
                violation_error_message="A name is not empty, and has no space at its ends.",
            ),
            models.UniqueConstraint(
                "owner",
                models.Func("name", function="tasks_fold", output_field=models.TextField()),
                name="tasks_label_name",
                violation_error_message="There is a label of this name.",
                violation_error_code="label_exists",
            ),
            Tracked(name="tasks_label_tracked", noun="label"),
            Unlabelling(name="tasks_label_unlabelling"),
            Audited(
                name="tasks_label_audited",
                noun="label",
                masked=["name"],
                omitted=["updated_at", "version", "changed_in"],
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            *Resource.Meta.indexes,
            models.Index(fields=["owner", "name", "id"], name="tasks_label_by_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Task(Titled, Trashable):
    """Something to be done.

    completed_at: set by the database, with `completed`.
    due: when the task is overdue, set by the database: at `due_at`, or when the day `due_on` has ended in UTC; for a
    task without either the last moment there is.
    labels: ids of the owner's labels.
    position: the manual order: see `tasks.positions`.
    """

    class Priority(models.IntegerChoices):
        """How much it matters."""

        NONE = 0
        LOW = 1
        MEDIUM = 2
        HIGH = 3
        URGENT = 4

    description = models.TextField(blank=True, default="", db_default="")
    completed = models.BooleanField(default=False, db_default=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NONE, db_default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    due = models.DateTimeField(editable=False, db_default=models.Func(function="tasks_never"))
    labels = ArrayField(models.UUIDField(), default=list, db_default=[], blank=True)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="subtasks",
        db_constraint=False,
        db_index=False,
    )
    position = models.TextField(editable=False, db_collation="C", db_default=models.Func(function="tasks_position"))
    external_source = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - no source is no text
    external_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    metadata = PreservedJSONField(default=dict, db_default={}, blank=True, validators=[validate_metadata])

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *Titled.Meta.constraints,
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), MAX_DESCRIPTION),
                name="tasks_task_description_length",
                violation_error_message=f"A description has at most {MAX_DESCRIPTION} characters.",
            ),
            models.CheckConstraint(
                condition=models.Q(priority__range=(0, 4)),
                name="tasks_task_priority",
                violation_error_message="There is no such priority.",
            ),
            models.CheckConstraint(
                condition=models.Q(due_at=None) | models.Q(due_on=None),
                name="tasks_task_due",
                violation_error_message="A task is due at a moment or on a day: set the other to null.",
            ),
            models.CheckConstraint(
                condition=models.Q(external_source=None, external_id=None)
                | models.Q(external_source__isnull=False, external_id__isnull=False)
                & ~models.Q(external_source="")
                & ~models.Q(external_id=""),
                name="tasks_task_external_pair",
                violation_error_message="external_source and external_id come together, or not at all.",
            ),
            models.UniqueConstraint(
                fields=["owner", "external_source", "external_id"],
                name="tasks_task_external",
                violation_error_message="There is a task with this external_source and external_id.",
                violation_error_code="external_id_taken",
            ),
            models.CheckConstraint(
                condition=models.Q(position__regex="^[0-9a-f]*[1-9a-f]$"),
                name="tasks_task_position_form",
                violation_error_message="A position is a fraction's hexadecimal digits.",
            ),
            models.UniqueConstraint(
                fields=["owner", "position"],
                name="tasks_task_position",
                violation_error_message="Another task was moved there at the same moment; move this one again.",
                violation_error_code="position_taken",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    models.Func("labels", function="cardinality", output_field=models.IntegerField()), MAX_LABELS
                ),
                name="tasks_task_label_count",
                violation_error_message=f"A task has at most {MAX_LABELS} labels.",
            ),
            *metadata_constraints("tasks_task"),
            OwnedReference(name="tasks_task_parent", field="parent"),
            Derived(name="tasks_task_derived"),
            Tree(name="tasks_task_tree"),
            Labelled(name="tasks_task_labelled"),
            Tracked(name="tasks_task_tracked", noun="task"),
            Audited(
                name="tasks_task_audited",
                noun="task",
                masked=["title", "description", "external_id", "metadata"],
                omitted=["updated_at", "version", "changed_in", "due"],
            ),
        ]
        # Each order of the list of live tasks, but for that by position, which is unique. What is in the trash isn't in
        # their way.
        indexes: ClassVar[list[models.Index]] = [
            *Titled.Meta.indexes,
            *(
                models.Index(
                    fields=["owner", column, "id"], condition=models.Q(trashed_at=None), name=f"tasks_task_by_{column}"
                )
                for column in ("created_at", "updated_at", "due", "priority", "title")
            ),
            models.Index(
                fields=["owner", "created_at", "id"],
                condition=models.Q(trashed_at=None, completed=False),
                name="tasks_task_open",
            ),
            models.Index(fields=["owner", "parent", "id"], name="tasks_task_subtasks"),
            models.Index(
                fields=["owner", "created_at", "id"],
                condition=models.Q(trashed_at__isnull=False),
                name="tasks_task_trash",
            ),
            models.Index(fields=["trashed_at"], condition=models.Q(trashed_at__isnull=False), name="tasks_task_purge"),
        ]
