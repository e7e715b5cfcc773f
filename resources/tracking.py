"""What the database keeps of each row of a resource: its version, and the transaction that changed it last."""

from typing import Any

from django.db import models

from audit.models import TransactionIdField
from audit.rules import SchemaRule


class Tracked(SchemaRule):
    """`version`, `updated_at` and `changed_in` are set by the database at each UPDATE, bulk and raw SQL included.

    An UPDATE that changes nothing leaves them as they are. A row that is inserted was changed in that transaction,
    whatever it says itself: it may be a copy of an older one. A deleted row leaves its id in `resources_deletion`.

    noun: what the API calls the object, as in `{"type": "task"}`.
    """

    def __init__(self, *, name: str, noun: str) -> None:
        super().__init__(name=name)
        self.noun = noun

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """For the migration, and for abstract models' copies."""
        return "resources.tracking.Tracked", (), {"name": self.name, "noun": self.noun}

    def statements(self, model: type[models.Model]) -> list[str]:
        """Three triggers."""
        table = f'"{model._meta.db_table}"'
        return [
            f'CREATE TRIGGER "{self.name}" BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION resources_stamp()',
            f'CREATE TRIGGER "{self.name}_insertion" BEFORE INSERT ON {table} FOR EACH ROW '
            "WHEN (NEW.changed_in <> pg_current_xact_id()) EXECUTE FUNCTION resources_stamp()",
            f'CREATE TRIGGER "{self.name}_deletion" AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows '
            f"FOR EACH STATEMENT EXECUTE FUNCTION resources_bury('{self.noun}')",
        ]

    def removal(self, model: type[models.Model]) -> list[str]:
        """Drop them."""
        table = f'"{model._meta.db_table}"'
        return [f'DROP TRIGGER "{self.name}{suffix}" ON {table}' for suffix in ("_deletion", "_insertion", "")]


class CurrentTransaction(models.Func):
    """The id of the transaction that the statement is a part of."""

    function = "pg_current_xact_id"
    arity = 0
    output_field = TransactionIdField()
