"""Labels on tasks: one's own that are there, each once, in the order that was given; whoever deletes one meanwhile."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import MAX_LABELS, Label, Task
from tasks.tests.api import LABELS, TASKS, errors, queued

MISSING = "01890a5d-ac96-774b-bcce-b302099a8057"


def label_tasks(client: APIClient, task: Task, *labels: Label) -> Any:
    return client.patch(f"{TASKS}/{task.pk}", {"labels": [str(label.pk) for label in labels]})


@pytest.fixture
def labels(owner: User) -> list[Label]:
    """Three labels of the owner's."""
    return [Label.objects.create(owner=owner, name=name) for name in ("Home", "Garden", "Later")]


def test_labels_stay_in_the_order_that_was_given(task: Task, labels: list[Label], owner_client: APIClient) -> None:
    for order in (labels, labels[::-1]):
        response = label_tasks(owner_client, task, *order)

        assert response.json()["labels"] == [str(label.pk) for label in order]
    assert response["ETag"] == '"3"'


def test_as_many_labels_as_there_may_be(owner: User, owner_client: APIClient) -> None:
    labels = [Label.objects.create(owner=owner, name=str(number)) for number in range(MAX_LABELS)]

    response = owner_client.post(TASKS, {"title": "x", "labels": [str(label.pk) for label in labels]})

    assert response.status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_label_named_twice_is_refused(task: Task, label: Label, owner_client: APIClient) -> None:
    assert errors(label_tasks(owner_client, task, label, label)) == [("body.labels", "invalid")]
    assert Task.objects.get().labels == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["post", "put", "patch"])
def test_a_foreign_label_is_refused_as_one_that_is_missing(
    verb: str, label: Label, peer: User, peer_client: APIClient
) -> None:
    mine = Task.objects.create(owner=peer, title="Mine")
    address = TASKS if verb == "post" else f"{TASKS}/{mine.pk}"
    foreign, missing = (
        getattr(peer_client, verb)(address, {"title": "x", "labels": [str(pk)]}, headers={"X-Request-ID": "the-same"})
        for pk in (label.pk, MISSING)
    )

    assert errors(foreign) == [("body.labels", "invalid")]
    assert (foreign.content, foreign.headers.items()) == (missing.content, missing.headers.items())
    assert Task.objects.get().labels == []


def test_a_deleted_label_goes_from_the_owners_tasks_wherever_they_are(
    task: Task, labels: list[Label], owner_client: APIClient
) -> None:
    label_tasks(owner_client, task, *labels)
    trashed = owner_client.post(TASKS, {"title": "x", "labels": [str(labels[1].pk)]}).json()["id"]
    owner_client.delete(f"{TASKS}/{trashed}")
    other = owner_client.post(TASKS, {"title": "y", "labels": [str(labels[0].pk)]}).json()

    assert owner_client.delete(f"{LABELS}/{labels[1].pk}").status_code == 204

    after = owner_client.get(f"{TASKS}/{task.pk}")
    assert after.json()["labels"] == [str(labels[0].pk), str(labels[2].pk)]
    assert after["ETag"] == '"3"'
    in_trash = owner_client.get(f"{TASKS}/{trashed}?trashed=true").json()
    assert (in_trash["labels"], in_trash["version"]) == ([], 3)
    assert owner_client.get(f"{TASKS}/{other['id']}").json() == other


@pytest.mark.django_db(transaction=True)
def test_a_label_put_on_a_task_while_it_is_deleted_is_refused(
    task: Task, label: Label, owner_client: APIClient
) -> None:
    (answer,) = queued(Label.objects.all().delete, lambda: label_tasks(owner_client, task, label))

    assert errors(answer) == [("body.labels", "invalid")]


@pytest.mark.django_db(transaction=True)
def test_a_new_task_with_a_label_that_is_deleted_meanwhile_is_refused(label: Label, owner_client: APIClient) -> None:
    body = {"title": "x", "labels": [str(label.pk)]}

    (answer,) = queued(Label.objects.all().delete, lambda: owner_client.post(TASKS, body))

    assert errors(answer) == [("body.labels", "invalid")]
    assert not Task.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_label_deleted_while_it_is_put_on_tasks_goes_from_them(
    task: Task, label: Label, owner_client: APIClient
) -> None:
    def put_on_tasks() -> None:
        Task.objects.update(labels=[label.pk])
        Task.objects.create(owner=task.owner, title="x", labels=[label.pk])

    (answer,) = queued(put_on_tasks, lambda: owner_client.delete(f"{LABELS}/{label.pk}"))

    assert answer.status_code == 204
    assert [each.labels for each in Task.objects.all()] == [[], []]


@pytest.mark.django_db(transaction=True)
def test_a_label_deleted_while_a_task_keeps_it_and_loses_another_is_no_deadlock(
    owner: User, labels: list[Label], owner_client: APIClient
) -> None:
    """The one holds the label and comes to the task, the other holds the task and comes to the label."""
    home, garden, _ = labels
    first, second = (Task.objects.create(owner=owner, title="x", labels=[home.pk, *more]) for more in ([], [garden.pk]))

    deleted, changed = queued(
        lambda: Task.objects.filter(pk=first.pk).update(title="Held, so that the deletion stops here"),
        lambda: owner_client.delete(f"{LABELS}/{home.pk}"),
        lambda: label_tasks(owner_client, second, home),
    )

    assert deleted.status_code == 204
    assert errors(changed) == [("body.labels", "invalid")]
    assert Task.objects.get(pk=second.pk).labels == [garden.pk]


@pytest.mark.django_db(transaction=True)
def test_two_labels_deleted_at_once_go_from_tasks_that_have_both(
    task: Task, labels: list[Label], owner_client: APIClient
) -> None:
    other = Task.objects.create(owner=task.owner, title="x", labels=[label.pk for label in labels[::-1]])
    label_tasks(owner_client, task, *labels)

    answers = queued(
        lambda: Task.objects.filter(pk=other.pk).update(title="Held"),
        lambda: owner_client.delete(f"{LABELS}/{labels[0].pk}"),
        lambda: owner_client.delete(f"{LABELS}/{labels[1].pk}"),
    )

    assert [answer.status_code for answer in answers] == [204, 204]
    assert [each.labels for each in Task.objects.all()] == [[labels[2].pk]] * 2


@pytest.mark.django_db(transaction=True)
def test_only_the_owners_tasks_lose_a_deleted_label(peer: User, label: Label) -> None:
    """A task of somebody else's can't bear it but for whoever switches the rule off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_task DISABLE TRIGGER tasks_task_labelled_insert")
        Task.objects.create(owner=peer, title="x", labels=[label.pk])
        cursor.execute("ALTER TABLE tasks_task ENABLE TRIGGER tasks_task_labelled_insert")

    Label.objects.all().delete()

    assert Task.objects.get(owner=peer).labels == [label.pk]
