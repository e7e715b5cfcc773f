"""The trigger that puts each write to a table on record."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model

from audit.rules import SchemaRule

# PostgreSQL gives transition tables to single-event triggers only.
EVENTS = {
    "insert": 'AFTER INSERT ON "{table}" REFERENCING NEW TABLE AS new_rows',
    "update": 'AFTER UPDATE ON "{table}" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows',
    "delete": 'AFTER DELETE ON "{table}" REFERENCING OLD TABLE AS old_rows',
    "truncate": 'BEFORE TRUNCATE ON "{table}"',
}


class Audited(SchemaRule):
    """Each INSERT, UPDATE and DELETE on the table leaves an event for each row, in the same transaction; TRUNCATE one.

    One statement costs one insert into the log, however many rows it touches (transition tables). The triggers are
    ENABLE ALWAYS, so that `session_replication_role = replica` doesn't step around them.

    noun: what the event calls the object, as in `task.updated`.
    owner: the column that says whose it is; `id` where the rows are owners themselves, empty where it is nobody's.
    masked: fields of which the log says that they changed, but not from what to what: `"•••"`, and a commitment.
    omitted: fields of which the log says nothing.
    """

    def __init__(
        self,
        *,
        name: str,
        noun: str,
        owner: str = "owner_id",
        masked: Sequence[str] = (),
        omitted: Sequence[str] = ("updated_at",),
    ) -> None:
        super().__init__(name=name)
        self.noun = noun
        self.owner = owner
        self.masked = tuple(masked)
        self.omitted = tuple(omitted)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """For the migration, and for abstract models' copies."""
        options = {"noun": self.noun, "owner": self.owner, "masked": self.masked, "omitted": self.omitted}
        return "audit.triggers.Audited", (), {"name": self.name, **options}

    def statements(self, model: type[Model]) -> list[str]:
        """One trigger an event."""
        return self.statements_for(model._meta.db_table)

    def statements_for(self, table: str) -> list[str]:
        """The same for a table that isn't a model of ours."""
        arguments = f"'{self.noun}', '{self.owner}', '{_array(self.masked)}', '{_array(self.omitted)}'"
        ddl = []
        for event, occasion in EVENTS.items():
            trigger = f"{self.name}_{event}"
            ddl += [
                f'CREATE TRIGGER "{trigger}" {occasion.format(table=table)} '
                f"FOR EACH STATEMENT EXECUTE FUNCTION audit_write({arguments})",
                f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{trigger}"',
            ]
        return ddl

    def removal(self, model: type[Model]) -> list[str]:
        """Drop all four."""
        return self.removal_for(model._meta.db_table)

    def removal_for(self, table: str) -> list[str]:
        """The same for a table that isn't a model of ours."""
        return [f'DROP TRIGGER "{self.name}_{event}" ON "{table}"' for event in EVENTS]


def noun_of(model: type[Model]) -> str:
    """What events call the model's objects: as its `Audited` rule says, or its verbose name."""
    rules = (rule for rule in model._meta.constraints if isinstance(rule, Audited))
    return next((rule.noun for rule in rules), str(model._meta.verbose_name))


def _array(names: Sequence[str]) -> str:
    return "{" + ",".join(names) + "}"
