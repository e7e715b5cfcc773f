"""What is put on record, by whoever writes and however, and what can't be done to it."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from rest_framework.test import APIClient

from accounts.identity import Identity, acting, acting_for
from accounts.models import User
from audit.models import Event
from audit.services import record
from knowledge.models import KnowledgeDoc
from tasks.models import Task


def actions(**filters: object) -> list[tuple[str, dict[str, object]]]:
    return list(Event.objects.filter(**filters).order_by("pk").values_list("action", "changes"))


def test_each_write_through_the_api_is_on_record(owner: User, owner_client: APIClient) -> None:
    headers = {"X-Request-ID": "a-request"}
    task = owner_client.post("/api/v1/tasks", {"title": "x"}, headers=headers).json()["id"]
    owner_client.patch(f"/api/v1/tasks/{task}", {"title": "y"}, headers=headers)
    owner_client.post(f"/api/v1/tasks/{task}/toggle", headers=headers)
    owner_client.delete(f"/api/v1/tasks/{task}", headers=headers)

    assert actions(object_id=task) == [
        ("task.created", {"title": [None, "x"], "description": [None, "•••"], "completed": [None, False]}),
        ("task.updated", {"title": ["x", "y"]}),
        ("task.updated", {"completed": [False, True]}),
        ("task.deleted", {"title": ["y", None], "description": ["•••", None], "completed": [True, None]}),
    ]
    event = Event.objects.filter(object_id=task).latest("pk")
    assert (event.actor, event.owner_id, event.request_id) == (str(owner.pk), owner.pk, "a-request")
    assert (event.address, event.object_type, event.outcome) == ("127.0.0.1", "task", Event.Outcome.SUCCESS)
    assert event.transaction_id > 0
    assert str(event).startswith(f"task.deleted by {owner.pk} at ")


def test_bulk_and_raw_writes_leave_an_event_for_each_row(owner: User) -> None:
    Task.objects.bulk_create(Task(owner=owner, title=str(number)) for number in range(3))
    Task.objects.update(completed=True)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tasks_task")

    names = [action for action, _ in actions(object_type="task")]
    assert sorted(names) == ["task.created"] * 3 + ["task.deleted"] * 3 + ["task.updated"] * 3
    assert set(Event.objects.filter(object_type="task").values_list("actor", flat=True)) == {"system:pytest"}


def test_a_changed_id_shows_as_two_events(owner: User) -> None:
    task = Task.objects.create(owner=owner, title="x")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tasks_task SET id = uuidv7()")

    assert Event.objects.filter(object_type="task", action="task.updated").count() == 2
    assert str(task.pk) in Event.objects.values_list("object_id", flat=True)


def test_a_row_handed_to_somebody_else_shows_to_both(owner: User, peer: User) -> None:
    task = Task.objects.create(owner=owner, title="x")
    Task.objects.update(owner=peer)

    events = Event.objects.filter(object_id=task.pk, action="task.updated")
    changes = {event.owner_id: event.changes["title"] for event in events}
    assert changes == {owner.pk: ["x", None], peer.pk: [None, "x"]}


def test_backdating_shows(owner: User) -> None:
    Task.objects.create(owner=owner, title="x")
    Task.objects.update(created_at="2000-01-01T00:00:00Z")

    before, after = Event.objects.get(action="task.updated").changes["created_at"]
    assert before > after == "2000-01-01T00:00:00+00:00"


def test_emptying_a_table_is_on_record(owner: User) -> None:
    Task.objects.create(owner=owner, title="x")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE tasks_task")

    assert Event.objects.get(action="task.truncated").actor == "system:pytest"


def test_contents_and_secrets_are_masked(owner: User) -> None:
    document = KnowledgeDoc.objects.create(owner=owner, title="x", content="My diagnosis", metadata={"mrn": "1234"})

    assert actions(object_id=document.pk)[0][1]["content"] == [None, "•••"]
    everything = str(actions())
    for private in ("My diagnosis", "1234", "owner@example.com", owner.password):
        assert private not in everything


def test_a_write_whose_event_cannot_be_written_does_not_happen(owner: User) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (action <> 'task.created') NOT VALID")

    with pytest.raises(IntegrityError, match="full_disk"), transaction.atomic():
        Task.objects.create(owner=owner, title="x")

    assert not Task.objects.exists()


def test_a_rolled_back_write_leaves_no_event(owner: User) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError(Task.objects.create(owner=owner, title="x"))

    assert not Event.objects.filter(object_type="task").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'somebody else'",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE false",
        "TRUNCATE audit_event",
        "TRUNCATE audit_event, tasks_task",
    ],
)
def test_the_record_is_append_only_even_for_its_owner(statement: str, owner: User) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Event.objects.exists()


@pytest.mark.django_db
def test_the_triggers_fire_even_for_a_replica() -> None:
    """`session_replication_role` is a superuser's to set, so what is read here is that it would change nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname ~ 'audited|append_only' AND tgenabled <> 'A'")
        assert cursor.fetchall() == []
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname ~ 'audited|append_only'")
        assert cursor.fetchone() == (17,)


def test_an_api_request_can_record_only_in_its_users_name(owner: User) -> None:
    with acting(Identity(confined=True, user_id=owner.pk, actor=str(owner.pk), request_id="r")):
        record(action="thing.done", object_type="thing", object_id=7, detail={"a": 1})
        event = Event.objects.get(action="thing.done")

    assert (event.owner_id, event.actor, event.request_id) == (owner.pk, str(owner.pk), "r")
    assert (event.object_id, event.changes) == ("7", {"a": 1})


def test_an_api_request_cannot_make_temporary_tables(owner: User) -> None:
    with acting_for(owner.pk), connection.cursor() as cursor, pytest.raises(ProgrammingError, match="denied"):
        cursor.execute("CREATE TEMPORARY TABLE audit_event (LIKE public.audit_event)")


def test_a_temporary_table_cannot_stand_in_for_the_record(owner: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT TEMPORARY ON DATABASE {} TO CURRENT_USER".format(connection.settings_dict["NAME"]))
        cursor.execute("CREATE TEMPORARY TABLE audit_event (LIKE public.audit_event) ON COMMIT DROP")
        Task.objects.create(owner=owner, title="x")
        record(action="thing.done")

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.audit_event WHERE action IN ('thing.done', 'task.created')")
        assert cursor.fetchone() == (2,)


@pytest.mark.django_db(transaction=True)
def test_the_migration_can_be_undone_and_redone() -> None:
    call_command("migrate", "tasks", "zero", verbosity=0)
    call_command("migrate", "tasks", verbosity=0)
