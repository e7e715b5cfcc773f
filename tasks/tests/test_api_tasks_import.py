"""POST /api/v1/tasks/import: what it makes, what it skips. What it refuses: test_api_tasks_import_refusals.py."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Event
from conftest import SignIn
from tasks import imports
from tasks.import_plan import derived_id
from tasks.models import Label, Task
from tasks.tests.api import LABELS, TASKS, at_once, refusal
from tasks.tests.files import IMPORT, download, exported, file_of, imported, make_many, row, said, uuid7


def statuses(report: dict[str, Any]) -> list[str]:
    assert [task["index"] for task in report["tasks"]] == list(range(len(report["tasks"])))
    assert report["created"] == sum(task["status"] == "created" for task in report["tasks"])
    assert report["skipped"] == sum(task["status"] == "skipped" for task in report["tasks"])
    return [task["status"] for task in report["tasks"]]


@pytest.fixture
def file(owner_client: APIClient) -> Any:
    """What the owner's account exports: a task of each sort, in a manual order that isn't that of creation."""
    label = owner_client.post(LABELS, {"name": "Zähne"}).json()
    metadata = {"z": 1.0, "a": [None, "é\U0001f418", 10**30], "": {}}
    first = owner_client.post(TASKS, {"title": "Brush", "labels": [label["id"]], "metadata": metadata}).json()
    second = owner_client.post(
        TASKS, {"title": "Rinse", "parent": first["id"], "due_on": "2026-02-03", "priority": "urgent"}
    ).json()
    named = {"external_source": "elsewhere", "external_id": "17", "due_at": "2026-02-03T04:05:06.789Z"}
    owner_client.post(TASKS, {"title": "Spit", "description": " \r\n ", "parent": second["id"], **named})
    owner_client.post(f"{TASKS}/{second['id']}/close")
    owner_client.post(f"{TASKS}/{first['id']}/move", {"before": None})
    return exported(owner_client)


def test_api_tasks_import_peer_gets_everything_but_ids_as_it_was(
    file: Any, owner_client: APIClient, peer: User, peer_client: APIClient
) -> None:
    report = imported(peer_client, file)

    assert (statuses(report), report["labels_created"]) == (["created"] * 3, 1)
    copy = exported(peer_client)
    assert said(copy) == said(file)
    assert [task["id"] for task in copy["tasks"]] == [task["id"] for task in report["tasks"]]
    assert not {task["id"] for task in copy["tasks"]} & {task["id"] for task in file["tasks"]}
    assert {task["version"] for task in copy["tasks"]} == {1}
    ordered = peer_client.get(TASKS, {"sort": "position"}).json()["results"]
    assert [task["title"] for task in ordered] == ["Rinse", "Spit", "Brush"]
    assert Task.objects.filter(owner=peer).count() == Task.objects.exclude(owner=peer).count() == 3


def test_api_tasks_import_keeps_the_text_of_metadata(
    file: Any, owner_client: APIClient, peer_client: APIClient
) -> None:
    imported(peer_client, file)

    texts = [
        download(client).split('"metadata":')[1].split(',"created_at"')[0] for client in (owner_client, peer_client)
    ]
    assert texts[0] == texts[1] == json.dumps(file["tasks"][0]["metadata"], ensure_ascii=False)


def test_api_tasks_import_the_same_file_again_changes_nothing(file: Any, peer: User, peer_client: APIClient) -> None:
    first = imported(peer_client, file)
    Task.objects.filter(owner=peer, title="Rinse").update(title="Changed", trashed_at="2026-01-01T00:00:00Z")
    before, events = list(Task.objects.values()), Event.objects.count()

    again = imported(peer_client, file, 200)

    assert (statuses(again), again["labels_created"]) == (["skipped"] * 3, 0)
    assert [task["id"] for task in again["tasks"]] == [task["id"] for task in first["tasks"]]
    assert (list(Task.objects.values()), Event.objects.count()) == (before, events)


def test_api_tasks_import_skips_the_tasks_that_the_account_exported_itself(
    file: Any, owner: User, owner_client: APIClient
) -> None:
    Task.objects.get(title="Spit").delete()

    report = imported(owner_client, file)
    again = imported(owner_client, file, 200)

    assert statuses(report) == ["skipped", "skipped", "created"]
    assert statuses(again) == ["skipped"] * 3
    assert [task["id"] for task in report["tasks"]][:2] == [task["id"] for task in file["tasks"]][:2]
    assert Task.objects.get(title="Spit").parent == Task.objects.get(title="Rinse")


@pytest.mark.parametrize("count", [1, 3])
def test_api_tasks_import_costs_as_many_statements_for_many_tasks_as_for_one(
    count: int, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    labels = {uuid7(): f"Label {number}" for number in range(count)}
    tasks = [row(labels=list(labels)) for _ in range(count)]
    tasks += [row(parent=task["id"]) for task in tasks]

    with django_assert_num_queries(7):  # begin, lock, what is there, labels, their ids, tasks, end
        report = imported(owner_client, file_of(*tasks, labels=labels))

    assert (report["created"], report["labels_created"]) == (2 * count, count)


def test_api_tasks_import_reads_no_more_for_each_task_if_there_are_many(owner: User, peer_client: APIClient) -> None:
    """Although the statistics know of no task of the peer's."""
    make_many(owner, 500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_task")
    reads = []
    for count in (100, 400):
        top = row()
        before = rows_read()
        imported(peer_client, file_of(top, *(row(parent=top["id"]) for _ in range(count))))
        reads.append(rows_read() - before)

    assert reads[1] < 6 * reads[0]


def rows_read() -> int:
    """How many rows of tasks this transaction has read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'tasks_task'")
        (count,) = cursor.fetchone()
    return int(count)


def test_api_tasks_import_takes_a_file_with_the_least_in_it(owner: User, owner_client: APIClient) -> None:
    empty = imported(owner_client, file_of(), 200)
    report = imported(owner_client, file_of(row(" Water the plants ")))

    assert empty == {"created": 0, "skipped": 0, "labels_created": 0, "tasks": []}
    task = Task.objects.get(pk=report["tasks"][0]["id"], owner=owner)
    assert (task.title, task.description, task.completed, task.priority) == ("Water the plants", "", False, 0)
    assert (task.labels, task.metadata, task.parent, task.trashed_at, task.completed_at) == ([], {}, None, None, None)


def test_api_tasks_import_a_subtask_may_stand_before_its_task(owner_client: APIClient) -> None:
    top = row("1")
    middle = row("2", parent=top["id"])

    imported(owner_client, file_of(row("3", parent=middle["id"]), middle, top))

    assert Task.objects.get(title="3").parent == Task.objects.get(title="2")
    assert Task.objects.get(title="2").parent == Task.objects.get(title="1")


def test_api_tasks_import_hangs_subtasks_below_tasks_that_are_there(task: Task, owner_client: APIClient) -> None:
    """By the id that they have here, and by the one that they had where they come from."""
    elsewhere = row("From elsewhere")
    imported(owner_client, file_of(elsewhere))

    imported(owner_client, file_of(row("1", parent=str(task.pk)), row("2", parent=elsewhere["id"])))

    assert Task.objects.get(title="1").parent == task
    assert Task.objects.get(title="2").parent == Task.objects.get(title="From elsewhere")


def test_api_tasks_import_skips_what_has_the_same_external_id(owner: User, owner_client: APIClient) -> None:
    there = Task.objects.create(owner=owner, title="There", external_source="x", external_id="1")
    same = row("Same", external_source="x", external_id="1")
    others = [row(external_source="x", external_id="2"), row(external_source="y", external_id="1")]

    report = imported(owner_client, file_of(row("Below", parent=same["id"]), same, *others))

    assert statuses(report) == ["created", "skipped", "created", "created"]
    assert report["tasks"][1]["id"] == str(there.pk)
    assert Task.objects.get(title="Below").parent == there
    there.refresh_from_db()
    assert there.title == "There"


def test_api_tasks_import_what_is_in_the_trash_gets_there_anew_and_what_got_there_together_together(
    owner: User, owner_client: APIClient, peer_client: APIClient
) -> None:
    """Or its thirty days could be over at once."""
    live = Task.objects.create(owner=owner, title="Live")
    early, late = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    above = Task.objects.create(owner=owner, title="1", parent=live, trashed_at=early)
    Task.objects.create(owner=owner, title="2", parent=above, trashed_at=early)
    Task.objects.create(owner=owner, title="3", trashed_at=late)

    imported(peer_client, exported(owner_client))
    imported(peer_client, exported(owner_client, trashed="true"))

    (live_copy,), copies = exported(peer_client)["tasks"], exported(peer_client, trashed="true")["tasks"]
    assert [copy["parent"] for copy in copies] == [live_copy["id"], copies[0]["id"], None]
    moments = [copy["trashed_at"] for copy in copies]
    assert live_copy["created_at"] < moments[0] == moments[1] < moments[2] <= copies[2]["updated_at"]


def test_api_tasks_import_a_position_that_is_taken_comes_last(owner: User, owner_client: APIClient) -> None:
    taken = Task.objects.create(owner=owner, title="There").position
    free = row("free", position="2")

    imported(owner_client, file_of(row("taken", position=taken), row("same", position="2"), free, row("none")))

    ordered = list(Task.objects.order_by("position").values_list("title", flat=True))
    assert ordered[:2] == ["same", "There"]
    assert sorted(ordered[2:]) == ["free", "none", "taken"]


def test_api_tasks_import_finds_labels_by_name_as_the_database_does(owner: User, owner_client: APIClient) -> None:
    there = Label.objects.create(owner=owner, name="Straße")
    ids = [uuid7() for _ in range(4)]
    labels = dict(zip(ids, ["STRASSE", "Ｓtraße", "new", "NEW"], strict=True))

    report = imported(owner_client, file_of(row("1", labels=ids), row("2", labels=ids[:1]), labels=labels))

    new = Label.objects.exclude(pk=there.pk).get()
    assert (report["labels_created"], new.name) == (1, "new")
    assert list(Task.objects.order_by("title").values_list("labels", flat=True)) == [[there.pk, new.pk], [there.pk]]


def test_api_tasks_import_makes_labels_that_no_task_bears(owner_client: APIClient) -> None:
    report = imported(owner_client, file_of(labels={uuid7(): "Someday"}))

    assert (report["labels_created"], Label.objects.get().name) == (1, "Someday")


def test_api_tasks_import_that_loses_a_label_meanwhile_is_409_and_leaves_nothing(
    owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LABELS_BY_NAME", f"{imports.LABELS_BY_NAME} AND label.name <> 'Renamed'")
    labels = {uuid7(): "Home", uuid7(): "Renamed"}

    assert refusal(owner_client.post(IMPORT, file_of(row(labels=list(labels)), labels=labels))) == (409, "conflict")
    assert not (Task.objects.exists() or Label.objects.exists())


def test_api_tasks_import_is_on_record_task_by_task(owner: User, owner_client: APIClient) -> None:
    response = owner_client.post(IMPORT, file_of(row("1"), row("2"), labels={uuid7(): "Home"}))

    events = Event.objects.filter(request_id=response["X-Request-ID"])
    assert sorted(events.values_list("action", flat=True)) == ["label.created", "task.created", "task.created"]
    assert {(event.actor, event.owner_id) for event in events} == {(str(owner.pk), owner.pk)}


@pytest.mark.django_db(transaction=True)
def test_api_tasks_import_of_the_same_file_twice_at_once_makes_each_task_once(owner: User, sign_in: SignIn) -> None:
    file = file_of(*(row(str(number)) for number in range(20)), labels={uuid7(): "Home"})
    clients = [sign_in(owner) for _ in range(3)]

    answers = at_once(*(lambda client=client: client.post(IMPORT, file) for client in clients))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert sorted(answer.json()["created"] for answer in answers) == [0, 0, 20]
    assert (Task.objects.count(), Label.objects.count()) == (20, 1)


def test_api_tasks_import_with_a_key_is_answered_once(owner_client: APIClient) -> None:
    file = file_of(row())

    answers = [owner_client.post(IMPORT, file, headers={"Idempotency-Key": "monday"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotency-Replayed"] == "true"


def test_a_copy_has_an_id_of_its_own_that_keeps_the_time_and_the_order() -> None:
    owner, peer = UUID(uuid7()), UUID(uuid7())
    original = UUID("01a1ff80-e417-71a1-9ea2-a162a057f697")

    copy = derived_id(owner, original)

    assert copy == derived_id(owner, original)
    assert len({original, copy, derived_id(peer, original), derived_id(owner, copy)}) == 4
    assert (copy.version, copy.variant) == (7, original.variant)
    assert str(copy)[:18] == str(original)[:18]
    # Files of former imports rely on it.
    fixed = derived_id(UUID("01890a5d-ac96-774b-bcce-b302099a8057"), original)
    assert fixed == UUID("01a1ff80-e417-71a1-974c-40ba3cdf90a1")
