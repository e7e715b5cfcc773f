"""What the database does for a table, declared in the model's `Meta.constraints`.

Django's migrations make, alter and drop constraints. A trigger or a policy that must never be missing is one, too:
declared beside the fields that it guards, and put there by the same migration that makes the table.
"""

from typing import Any

from django.db.backends.ddl_references import Statement
from django.db.models import BaseConstraint, Model


class SchemaRule(BaseConstraint):
    """A constraint whose DDL is a list of statements of its own. Subclasses give `statements` and `removal`.

    It says nothing at validation time: `validate` leaves the verdict to the database.
    """

    def statements(self, model: type[Model]) -> list[str]:
        """The DDL that puts the rule in place."""
        raise NotImplementedError

    def removal(self, model: type[Model]) -> list[str]:
        """The DDL that takes it away."""
        raise NotImplementedError

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """Called while CREATE TABLE is put together: the rule follows once the table is there."""
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        """All statements as one script, as AddConstraint wants it."""
        return Statement("%(script)s", script=";\n".join(self.statements(model)))

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        """The reverse, as RemoveConstraint wants it."""
        return Statement("%(script)s", script=";\n".join(self.removal(model)))

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to say before the database is asked."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)


class Triggers(SchemaRule):
    """Triggers that call functions of the app's migrations. `ddl`: what stands after the name → the rest.

    field: the member of a body that a refusal is about. speaks: the function's exception says what is wrong.
    """

    ddl: dict[str, str]
    field: str | None = None
    speaks = True

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """For the migration."""
        return f"{type(self).__module__}.{type(self).__name__}", (), {"name": self.name}

    def statements(self, model: type[Model]) -> list[str]:
        """One trigger an entry."""
        table = f'"{model._meta.db_table}"'
        return [f'CREATE TRIGGER "{self.name}{suffix}" {rest.format(table=table)}' for suffix, rest in self.ddl.items()]

    def removal(self, model: type[Model]) -> list[str]:
        """Drop them."""
        return [f'DROP TRIGGER "{self.name}{suffix}" ON "{model._meta.db_table}"' for suffix in self.ddl]
