"""A failed statement tells which rule it broke, and not what was in the row."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from config.database import install, withhold_values
from tasks.models import Task


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tasks_task (title, description) VALUES ('My diagnosis', 'x')",
        "SELECT 'My diagnosis', no_such_column",
        "SELECT 'My diagnosis' FRUM tasks_task WHERE",
    ],
)
@pytest.mark.django_db
def test_an_error_holds_no_values(statement: str) -> None:
    """Each of these PostgreSQL answers with the value in a later line: DETAIL, or LINE 1."""
    with pytest.raises(DatabaseError) as failure, transaction.atomic():
        connection.cursor().execute(statement)

    assert "My diagnosis" not in str(failure.value) + str(failure.value.__cause__)


def test_an_error_still_names_its_constraint(owner: User) -> None:
    with pytest.raises(DatabaseError, match="tasks_task_title_trimmed") as failure, transaction.atomic():
        Task.objects.create(owner=owner, title=" My diagnosis")

    assert "My diagnosis" not in str(failure.value) + str(failure.value.__cause__)
    assert failure.value.__cause__.diag.constraint_name == "tasks_task_title_trimmed"  # type: ignore[union-attr]


@pytest.mark.django_db
def test_the_wrapper_stands_once_on_a_connection() -> None:
    install(connection._connections[connection._alias])  # type: ignore[attr-defined]

    assert connection.execute_wrappers.count(withhold_values) == 1


@pytest.mark.django_db
def test_the_embedded_server_keeps_values_out_of_its_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('log_min_error_statement'), current_setting('log_error_verbosity')")
        assert cursor.fetchone() == ("panic", "terse")
