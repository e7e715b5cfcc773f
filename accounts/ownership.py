"""Ownership: every row has exactly one owner, and the database itself keeps everybody else out."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self, cast
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from rest_framework.request import Request

from accounts.identity import ROLE
from audit.rules import SchemaRule


class UUID7(models.Func):
    """A new time-ordered id (RFC 9562), made by PostgreSQL 18."""

    function = "uuidv7"
    arity = 0
    output_field = models.UUIDField()


class Isolated(SchemaRule):
    """Row-level security: `daybook_app` touches a row if its owner is the user bound to the statement.

    The policy is one leakproof equality, so that it can use an index. What isn't granted here is denied: a table
    without this rule can't be reached by an API request at all.
    """

    def __init__(
        self,
        *,
        name: str,
        owner: str = "owner_id",
        grants: Sequence[str] = ("SELECT", "INSERT", "UPDATE", "DELETE"),
    ) -> None:
        super().__init__(name=name)
        self.owner = owner
        self.grants = tuple(grants)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """For the migration, and for abstract models' copies."""
        return (
            "accounts.ownership.Isolated",
            (),
            {"name": self.name, "owner": self.owner, "grants": self.grants},
        )

    def statements(self, model: type[models.Model]) -> list[str]:
        """Policy first, grant last: at no moment can the role read a table that has no policy."""
        table = f'"{model._meta.db_table}"'
        mine = f"{self.owner} = (SELECT nullif(current_setting('daybook.user_id', true), '')::uuid)"
        return [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f'CREATE POLICY "{self.name}" ON {table} TO {ROLE} USING ({mine}) WITH CHECK ({mine})',
            f"GRANT {', '.join(self.grants)} ON {table} TO {ROLE}",
        ]

    def removal(self, model: type[models.Model]) -> list[str]:
        """Grant first, policy last."""
        table = f'"{model._meta.db_table}"'
        return [f"REVOKE ALL ON {table} FROM {ROLE}", f'DROP POLICY "{self.name}" ON {table}']


class OwnedReference(SchemaRule):
    """A foreign key that has the owner in it: `(owner_id, <field>_id)` references `(owner_id, id)`.

    PostgreSQL checks foreign keys without row-level security. With a plain one a user could hang a row on somebody
    else's, and learn from the error whether an id exists. The Django field itself has `db_constraint=False`.
    """

    violation_error_code = "does_not_exist"

    def __init__(self, *, name: str, field: str) -> None:
        super().__init__(name=name, violation_error_message="There is no such object.")
        self.field = field

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """For the migration, and for abstract models' copies."""
        return "accounts.ownership.OwnedReference", (), {"name": self.name, "field": self.field}

    def statements(self, model: type[models.Model]) -> list[str]:
        """One foreign key; the referenced pair is unique by `Owned`."""
        field: Any = model._meta.get_field(self.field)
        target = field.related_model._meta.db_table
        return [
            f'ALTER TABLE "{model._meta.db_table}" ADD CONSTRAINT "{self.name}" FOREIGN KEY (owner_id, {field.column}) '
            f'REFERENCES "{target}" (owner_id, id) ON DELETE CASCADE'
        ]

    def removal(self, model: type[models.Model]) -> list[str]:
        """Drop it."""
        return [f'ALTER TABLE "{model._meta.db_table}" DROP CONSTRAINT "{self.name}"']


class Stamped(SchemaRule):
    """`updated_at` is set by the database at each UPDATE, bulk and raw SQL included."""

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """For the migration, and for abstract models' copies."""
        return "accounts.ownership.Stamped", (), {"name": self.name}

    def statements(self, model: type[models.Model]) -> list[str]:
        """One trigger."""
        return [
            f'CREATE TRIGGER "{self.name}" BEFORE UPDATE ON "{model._meta.db_table}" '
            "FOR EACH ROW EXECUTE FUNCTION accounts_stamp()"
        ]

    def removal(self, model: type[models.Model]) -> list[str]:
        """Drop it."""
        return [f'DROP TRIGGER "{self.name}" ON "{model._meta.db_table}"']


def requester(request: Request) -> UUID:
    """The signed-in user's id: whose rows a request is about."""
    return cast(UUID, request.user.pk)


class OwnedQuerySet(models.QuerySet[Any]):
    """The first wall: what is asked for by name of its owner."""

    def for_user(self, user_id: UUID) -> Self:
        """Only this user's rows."""
        return self.filter(owner_id=user_id)


class Owned(models.Model):
    """Base of everything that belongs to somebody.

    A subclass with constraints of its own starts them with `*Owned.Meta.constraints`.
    """

    id = models.UUIDField(primary_key=True, editable=False, db_default=UUID7())
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    created_at = models.DateTimeField(editable=False, db_default=Now())
    updated_at = models.DateTimeField(editable=False, db_default=Now())

    objects = OwnedQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # What composite foreign keys refer to, and the index behind every list.
            models.UniqueConstraint(fields=["owner", "id"], name="%(app_label)s_%(class)s_owner"),
            Isolated(name="%(app_label)s_%(class)s_isolated"),
            Stamped(name="%(app_label)s_%(class)s_stamped"),
        ]
