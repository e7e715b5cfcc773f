"""GET /api/v1/changes."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from audit.tests.tampering import another_connection
from knowledge.models import KnowledgeDoc
from resources.tests.feed import URL, everything, insert_task, page, settle, titles, told_of
from tasks.models import Label, Task

# A change is told of once its transaction has ended: nothing here can be done within one.
pytestmark = pytest.mark.django_db(transaction=True)


def moments(thing: dict[str, Any]) -> dict[str, Any]:
    """A thing with its moments as such: they can be written with fewer digits."""
    return {name: datetime.fromisoformat(value) if name.endswith("_at") and value else value
            for name, value in thing.items()}  # fmt: skip


def test_api_changes_owner_without_a_cursor_gets_what_is_there(
    owner: User, peer: User, owner_client: APIClient
) -> None:
    label = Label.objects.create(owner=owner, name="Zoo")
    task = Task.objects.create(owner=owner, title="Feed the elephant", labels=[label.pk])
    document = KnowledgeDoc.objects.create(owner=owner, title="Lease", content="x", metadata={"b": 1, "a": [None]})
    KnowledgeDoc.objects.update(last_error={"code": "indexing_failed", "message": "Why."}, status="failed")
    Task.objects.create(owner=owner, title="Deleted").delete()
    Task.objects.create(owner=owner, title="Thrown away", trashed_at=task.created_at)
    Task.objects.create(owner=peer, title="Theirs")

    changes, cursor = everything(owner_client)

    places = ("labels", "tasks", "knowledge/documents")
    lists = [owner_client.get(f"/api/v1/{place}").json()["results"] for place in places]
    assert [(each["type"], each["id"], each["deleted"], each["version"]) for each in changes] == [
        ("label", str(label.pk), False, 1),
        ("task", str(task.pk), False, 1),
        ("document", str(document.pk), False, 2),
    ]
    assert [moments(each["object"]) for each in changes] == [moments(each) for found in lists for each in found]
    assert told_of(owner_client, cursor) == []


def test_api_changes_owner_with_a_cursor_gets_what_was_changed_since(owner: User, owner_client: APIClient) -> None:
    task, trashed, ended = (Task.objects.create(owner=owner, title=title) for title in "abc")
    document = KnowledgeDoc.objects.create(owner=owner, title="Lease", content="x")
    cursor = everything(owner_client)[1]

    owner_client.patch(f"/api/v1/tasks/{task.pk}", {"completed": True})
    owner_client.delete(f"/api/v1/tasks/{trashed.pk}")
    Task.objects.filter(pk=ended.pk).delete()
    KnowledgeDoc.objects.all().delete()
    made = Label.objects.create(owner=owner, name="Zoo")
    assert told_of(owner_client, cursor) == [
        ("task", str(task.pk), False, 2),
        ("task", str(trashed.pk), True, None),
        ("task", str(ended.pk), True, None),
        ("document", str(document.pk), True, None),
        ("label", str(made.pk), False, 1),
    ]
    cursor = everything(owner_client, cursor=cursor)[1]

    owner_client.post(f"/api/v1/tasks/{trashed.pk}/restore")
    assert told_of(owner_client, cursor) == [("task", str(trashed.pk), False, 3)]


def test_api_changes_a_label_that_goes_takes_its_tasks_along(owner: User, owner_client: APIClient) -> None:
    label = Label.objects.create(owner=owner, name="Zoo")
    task = Task.objects.create(owner=owner, title="a", labels=[label.pk])
    cursor = everything(owner_client)[1]

    owner_client.delete(f"/api/v1/labels/{label.pk}")

    # Of one transaction, in the order of the ids.
    assert told_of(owner_client, cursor) == [("label", str(label.pk), True, None), ("task", str(task.pk), False, 2)]


def test_api_changes_subtasks_follow_into_the_trash_and_out_of_it(owner: User, owner_client: APIClient) -> None:
    task = Task.objects.create(owner=owner, title="a")
    below = Task.objects.create(owner=owner, title="b", parent=task)
    cursor = everything(owner_client)[1]

    owner_client.delete(f"/api/v1/tasks/{task.pk}")
    changes, cursor = everything(owner_client, cursor=cursor)
    assert [(change["id"], change["deleted"]) for change in changes] == [(str(task.pk), True), (str(below.pk), True)]

    owner_client.post(f"/api/v1/tasks/{task.pk}/restore")
    assert told_of(owner_client, cursor) == [("task", str(task.pk), False, 3), ("task", str(below.pk), False, 3)]


def test_api_changes_an_update_of_nothing_is_no_change(owner: User, owner_client: APIClient) -> None:
    task = Task.objects.create(owner=owner, title="a")
    cursor = everything(owner_client)[1]

    Task.objects.update(title="a")

    assert told_of(owner_client, cursor) == []
    Task.objects.update(title="b")
    assert told_of(owner_client, cursor) == [("task", str(task.pk), False, 2)]


def test_api_changes_of_one_object_are_told_as_it_is_now(owner: User, owner_client: APIClient) -> None:
    cursor = everything(owner_client)[1]
    task = Task.objects.create(owner=owner, title="a")
    for title in "bcd":
        Task.objects.update(title=title)

    changes, cursor = everything(owner_client, cursor=cursor)

    assert [(change["version"], change["object"]["title"]) for change in changes] == [(4, "d")]
    Task.objects.all().delete()
    assert told_of(owner_client, cursor) == [("task", str(task.pk), True, None)]


def test_api_changes_what_commits_late_is_told_late_and_not_skipped(owner: User, owner_client: APIClient) -> None:
    cursor = everything(owner_client)[1]
    with another_connection() as late:
        insert_task(late, owner, "begun first")
        Task.objects.create(owner=owner, title="ended first")
        told = page(owner_client, cursor=cursor)
        assert (told["results"], told["more"]) == ([], False)
        late.commit()

    assert titles(owner_client, cursor=told["next"]) == ["begun first", "ended first"]


def test_api_changes_without_a_cursor_what_commits_late_is_told_late(owner: User, owner_client: APIClient) -> None:
    Task.objects.create(owner=owner, title="before")
    settle()
    with another_connection() as late:
        insert_task(late, owner, "begun first")
        Task.objects.create(owner=owner, title="ended first")
        told = page(owner_client)
        assert [change["object"]["title"] for change in told["results"]] == ["before"]
        late.commit()

    assert titles(owner_client, cursor=told["next"]) == ["begun first", "ended first"]


def test_api_changes_what_is_rolled_back_is_never_told(owner: User, owner_client: APIClient) -> None:
    cursor = everything(owner_client)[1]
    with another_connection() as other:
        insert_task(other, owner, "x")
        other.rollback()

    assert told_of(owner_client, cursor) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_api_changes_pages_give_each_change_once(limit: int, owner: User, owner_client: APIClient) -> None:
    Task.objects.bulk_create(Task(owner=owner, title=str(number)) for number in range(3))  # one transaction
    for name in "abc":
        Label.objects.create(owner=owner, name=name)
    changes, cursor = everything(owner_client, limit=limit)
    assert len({change["id"] for change in changes}) == len(changes) == 6

    Task.objects.all().delete()
    Label.objects.filter(name="a").update(name="d")
    changes, cursor = everything(owner_client, limit=limit, cursor=cursor)
    assert [change["deleted"] for change in changes] == [True, True, True, False]
    assert len({change["id"] for change in changes}) == 4
    assert told_of(owner_client, cursor) == []


def test_api_changes_while_a_client_reads_for_the_first_time_nothing_is_lost(
    owner: User, owner_client: APIClient
) -> None:
    first, second, third = (Task.objects.create(owner=owner, title=title) for title in "abc")
    settle()
    told = page(owner_client, limit=1)
    assert [change["id"] for change in told["results"]] == [str(first.pk)]

    Task.objects.filter(pk=first.pk).delete()
    Task.objects.filter(pk=third.pk).update(title="changed")
    Task.objects.filter(pk=second.pk).delete()
    made = Task.objects.create(owner=owner, title="made")

    copy: dict[str, int | None] = {str(first.pk): 1}
    for change in everything(owner_client, limit=1, cursor=told["next"])[0]:
        copy[change["id"]] = change["version"]
    assert {pk: version for pk, version in copy.items() if version} == {str(third.pk): 2, str(made.pk): 1}


def test_api_changes_of_a_quiet_account_need_one_request(owner: User, owner_client: APIClient) -> None:
    Task.objects.create(owner=owner, title="a")

    settle()
    assert page(owner_client)["more"] is False


@pytest.mark.parametrize("count", [0, 1, 3])
def test_api_changes_cost_one_statement(
    count: int, owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    cursor = page(owner_client)["next"]
    Task.objects.bulk_create(Task(owner=owner, title=str(number)) for number in range(count))
    Label.objects.bulk_create(Label(owner=owner, name=str(number)) for number in range(count))

    settle()
    for parameters in ({}, {"cursor": cursor}):
        with django_assert_num_queries(1):
            assert len(page(owner_client, **parameters)["results"]) == 2 * count


def test_api_changes_peer_gets_their_own_whosever_cursor_it_is(
    owner: User, peer: User, owner_client: APIClient, peer_client: APIClient
) -> None:
    settle()
    begun = page(owner_client)["next"]
    own = Task.objects.create(owner=peer, title="Theirs")
    ended = [Task.objects.create(owner=owner, title="a") for _ in range(2)]
    settle()
    reading = page(owner_client, limit=1)["next"]
    for task in ended:
        task.delete()
    following = everything(owner_client, cursor=begun)[1]

    assert told_of(peer_client, begun) == [("task", str(own.pk), False, 1)]
    assert told_of(peer_client, reading) == []
    assert told_of(peer_client, following) == []
    assert page(peer_client, cursor=following) == page(peer_client, cursor=page(peer_client)["next"])


def test_api_changes_stranger_gets_401(stranger_client: APIClient, owner_client: APIClient) -> None:
    for parameters in ({}, {"cursor": page(owner_client)["next"]}, {"cursor": "!"}):
        assert stranger_client.get(URL, parameters).status_code == 401


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("sort=id", "query.sort"),
        ("fields=id", "query.fields"),
        ("limit=0", "query.limit"),
        ("limit=101", "query.limit"),
        ("limit=²", "query.limit"),
        ("cursor=", "query.cursor"),
        ("cursor=!!", "query.cursor"),
        ("cursor=AAAA", "query.cursor"),
        ("cursor=%C3%BC", "query.cursor"),
        (f"cursor={'A' * 76}", "query.cursor"),
        (f"cursor={'+' * 75}x", "query.cursor"),
    ],
)
def test_api_changes_unknown_or_malformed_parameter_is_422(query: str, location: str, owner_client: APIClient) -> None:
    response = owner_client.get(f"{URL}?{query}")

    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [location]


def test_api_changes_whatever_a_cursor_says_it_is_answered(owner: User, owner_client: APIClient) -> None:
    """Somebody may make one up; it is their own copy that they spoil."""
    Task.objects.create(owner=owner, title="a")
    told = urlsafe_b64decode(page(owner_client)["next"] + "=")

    for position in range(len(told)):
        forged = told[:position] + bytes([told[position] ^ 0x80]) + told[position + 1 :]
        response = owner_client.get(URL, {"cursor": urlsafe_b64encode(forged).decode().rstrip("=")})
        assert response.status_code in (200, 410), (position, response.content)
