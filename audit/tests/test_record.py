"""What is put on record, by whoever writes and however."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.identity import AUDITOR_ROLE, NOBODY, ROLE, Identity, acting, acting_for, unconfined
from accounts.models import User
from audit.models import Event
from audit.services import record
from knowledge.models import KnowledgeDoc
from tasks.models import Task


def actions(**filters: object) -> list[tuple[str, dict[str, object]]]:
    return list(Event.objects.filter(**filters).order_by("pk").values_list("action", "changes"))


def as_recorded(column: str) -> str:
    """What the tasks have in a column, as PostgreSQL writes it into JSON."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT to_jsonb({column}) #>> '{{}}' FROM tasks_task")
        ((value,),) = cursor.fetchall()
        return str(value)


def test_each_write_through_the_api_is_on_record(owner: User, owner_client: APIClient) -> None:
    headers = {"X-Request-ID": "a-request", "User-Agent": "curl/8.5.0"}
    task = owner_client.post("/api/v1/tasks", {"title": "x"}, headers=headers).json()["id"]
    owner_client.patch(f"/api/v1/tasks/{task}", {"title": "y"}, headers=headers)
    owner_client.post(f"/api/v1/tasks/{task}/toggle", headers=headers)
    owner_client.delete(f"/api/v1/tasks/{task}", headers=headers)
    position, completed_at, trashed_at = map(as_recorded, ("position", "completed_at", "trashed_at"))
    owner_client.delete(f"/api/v1/tasks/{task}?trashed=true", headers=headers)

    written = {"title": "•••", "description": "•••", "metadata": "•••"}
    as_it_came = written | {"completed": False, "priority": 0, "labels": [], "position": position}
    as_it_went = as_it_came | {"completed": True, "completed_at": completed_at, "trashed_at": trashed_at}
    assert actions(object_id=task) == [
        ("task.created", {field: [None, value] for field, value in as_it_came.items()}),
        ("task.updated", {"title": ["•••", "•••"]}),
        ("task.updated", {"completed": [False, True], "completed_at": [None, completed_at]}),
        ("task.updated", {"trashed_at": [None, trashed_at]}),
        ("task.deleted", {field: [value, None] for field, value in as_it_went.items()}),
    ]
    event = Event.objects.filter(object_id=task).latest("pk")
    assert (event.actor, event.owner_id, event.request_id) == (str(owner.pk), owner.pk, "a-request")
    assert (event.address, event.user_agent) == ("127.0.0.1", "curl/8.5.0")
    assert (event.object_type, event.outcome, event.detail) == ("task", Event.Outcome.SUCCESS, {})
    assert event.transaction_id > 0
    assert str(event).startswith(f"task.deleted by {owner.pk} at ")


def test_what_the_trash_takes_along_and_gives_back_is_on_record_row_by_row(
    owner: User, owner_client: APIClient
) -> None:
    parent = Task.objects.create(owner=owner, title="x")
    child = Task.objects.create(owner=owner, title="y", parent=parent)
    owner_client.delete(f"/api/v1/tasks/{parent.pk}")
    trashed_at = as_recorded("trashed_at")
    owner_client.post(f"/api/v1/tasks/{parent.pk}/restore")

    for task in (parent, child):
        assert actions(object_id=task.pk, actor=str(owner.pk)) == [
            ("task.updated", {"trashed_at": [None, trashed_at]}),
            ("task.updated", {"trashed_at": [trashed_at, None]}),
        ]


def test_a_label_is_on_record_without_its_name_and_so_is_what_its_end_changes(
    owner: User, owner_client: APIClient
) -> None:
    label = owner_client.post("/api/v1/labels", {"name": "Dr M"}).json()["id"]
    task = Task.objects.create(owner=owner, title="x", labels=[label])
    owner_client.patch(f"/api/v1/labels/{label}", {"name": "Dr N"})
    owner_client.delete(f"/api/v1/labels/{label}")

    assert actions(object_id=label) == [
        ("label.created", {"name": [None, "•••"]}),
        ("label.updated", {"name": ["•••", "•••"]}),
        ("label.deleted", {"name": ["•••", None]}),
    ]
    assert actions(object_id=task.pk, action="task.updated") == [("task.updated", {"labels": [[label], []]})]
    assert {event.actor for event in Event.objects.filter(object_id=label)} == {str(owner.pk)}


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
    assert changes == {owner.pk: ["•••", None], peer.pk: [None, "•••"]}


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


def test_an_api_request_can_record_only_in_its_users_name(owner: User, peer: User) -> None:
    with acting(Identity(confined=True, user_id=owner.pk, actor=str(owner.pk), request_id="r", user_agent="curl")):
        record(action="thing.done", object_type="thing", object_id=7, detail={"a": 1}, concerning=peer.pk)
        event = Event.objects.get(action="thing.done")

    assert (event.owner_id, event.actor, event.request_id) == (owner.pk, str(owner.pk), "r")
    assert (event.object_id, event.detail, event.changes) == ("7", {"a": 1}, {})
    assert (event.user_agent, event.outcome, event.commitments) == ("curl", Event.Outcome.SUCCESS, {})


def test_the_system_can_record_what_concerns_a_user(owner: User) -> None:
    record(action="thing.refused", outcome=Event.Outcome.DENIED, concerning=owner.pk)
    with acting(NOBODY), unconfined():
        record(action="thing.refused", outcome=Event.Outcome.DENIED, concerning=owner.pk)

    events = Event.objects.filter(action="thing.refused", owner_id=owner.pk).order_by("pk")
    assert [(event.actor, event.outcome) for event in events] == [("system:pytest", "denied"), ("anonymous", "denied")]


@pytest.mark.parametrize("role", [ROLE, AUDITOR_ROLE])
@pytest.mark.parametrize("verb", ["created", "updated", "deleted", "truncated", "purged"])
def test_an_api_request_cannot_forge_what_the_triggers_write(verb: str, role: str, owner: User) -> None:
    forger = Identity(confined=True, user_id=owner.pk, actor=str(owner.pk), role=role)
    with acting(forger), pytest.raises(ProgrammingError, match=f"cannot record task.{verb}"), transaction.atomic():
        record(action=f"task.{verb}", object_type="task")

    assert not Event.objects.filter(object_type="task").exists()


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


# Who may do what is on record, too


def test_rights_given_and_taken_are_on_record_and_show_to_whose_they_are(owner: User, owner_client: APIClient) -> None:
    permission = Permission.objects.get(codename="view_task")
    group = Group.objects.create(name="Nurses")
    group.permissions.add(permission)
    owner.groups.add(group)
    owner.user_permissions.set([permission])
    owner.user_permissions.clear()
    group.delete()

    rights = ["group", "group_permission", "membership", "permission"]
    events = list(Event.objects.filter(object_type__in=rights).order_by("pk").values_list("action", "owner_id"))
    assert events[:5] == [
        ("group.created", None),
        ("group_permission.created", None),
        ("membership.created", owner.pk),
        ("permission.created", owner.pk),
        ("permission.deleted", owner.pk),
    ]
    cascade = [("group.deleted", None), ("group_permission.deleted", None), ("membership.deleted", owner.pk)]
    assert sorted(events[5:], key=str) == cascade
    assert Event.objects.get(action="group.created").changes == {"name": [None, "Nurses"]}
    seen = {event["action"] for event in owner_client.get("/api/v1/audit/events").json()["results"]}
    assert {action for action, whose in events if whose} <= seen
    assert not seen & {action for action, whose in events if not whose}


def test_rights_given_in_the_admin_are_on_record_by_who_gave_them(owner: User, admin_client: Client) -> None:
    group = Group.objects.create(name="Nurses")
    permission = Permission.objects.get(codename="view_task")
    form = {"email": owner.email, "is_active": "on", "groups": [group.pk], "user_permissions": [permission.pk]}

    assert admin_client.post(f"/admin/accounts/user/{owner.pk}/change/", form).status_code == 302

    given = Event.objects.filter(action__in=["membership.created", "permission.created"])
    assert {event.owner_id for event in given} == {owner.pk}
    assert {event.actor for event in given} == {str(User.objects.get(is_superuser=True).pk)}
    changes = {event.action: event.changes for event in given}
    assert changes["membership.created"] == {"user_id": [None, str(owner.pk)], "group_id": [None, group.pk]}
    assert changes["permission.created"] == {"user_id": [None, str(owner.pk)], "permission_id": [None, permission.pk]}


def test_rights_written_in_bulk_by_sql_are_on_record(owner: User, peer: User) -> None:
    group = Group.objects.create(name="Nurses")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_user_groups (user_id, group_id) SELECT id, %s FROM accounts_user", [group.pk]
        )
        cursor.execute("UPDATE auth_group SET name = 'Doctors'")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE accounts_user_groups")

    assert {event.owner_id for event in Event.objects.filter(action="membership.created")} == {owner.pk, peer.pk}
    assert Event.objects.get(action="group.updated").changes == {"name": ["Nurses", "Doctors"]}
    assert Event.objects.get(action="membership.truncated").owner_id is None
