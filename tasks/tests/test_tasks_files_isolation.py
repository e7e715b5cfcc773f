"""Files and other people's tasks: neither an export nor an import knows of them, with one wall as with both."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import identity
from accounts.identity import SYSTEM, Identity, confine_process
from accounts.models import User
from resources.lists import Listing
from tasks import exports
from tasks.models import Label, Task
from tasks.tests.files import IMPORT, exported, file_of, imported, row, uuid7


@pytest.fixture(params=["both", "first"])
def walls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps people apart: conditions and row-level security, or the conditions alone."""
    if request.param == "first":
        monkeypatch.setattr(Identity, "prefix", SYSTEM.prefix)


@pytest.fixture
def file(owner: User, owner_client: APIClient) -> Any:
    """What the owner's account exports."""
    label = Label.objects.create(owner=owner, name="Zähne")
    Task.objects.create(
        owner=owner, title="Brush", labels=[label.pk], external_source="elsewhere", external_id="17", position="8"
    )
    return exported(owner_client)


@pytest.mark.usefixtures("walls")
def test_api_tasks_export_peer_gets_nothing_of_the_owners(task: Task, label: Label, peer_client: APIClient) -> None:
    empty = {"daybook": 1, "labels": [], "tasks": []}

    assert exported(peer_client) == empty
    assert exported(peer_client, parent=str(task.pk)) == exported(peer_client, label=str(label.pk)) == empty


def test_api_tasks_export_is_read_as_who_asked_although_the_request_is_over(
    owner: User, peer: User, owner_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the owner's filter, in a process where nobody is the default: only the database keeps them apart."""
    monkeypatch.setattr("tasks.exports.BATCH", 1)
    monkeypatch.setattr(exports, "STATEMENT", exports.STATEMENT.replace("owner_id = %s", "%s::uuid IS NOT NULL"))
    monkeypatch.setattr(Listing, "conditions", lambda *args: ("true", []))
    for user in (owner, peer):
        Label.objects.create(owner=user, name=user.email)
        Task.objects.create(owner=user, title=user.email)

    unfiltered = exported(owner_client)
    monkeypatch.setattr(identity, "_default", None)
    confine_process()
    confined = exported(owner_client)

    for file in (unfiltered, confined):
        assert [task["title"] for task in file["tasks"]] == [label["name"] for label in file["labels"]] == [owner.email]


Mentions = Callable[[str, str, str], dict[str, Any]]
MENTIONS: dict[str, Mentions] = {
    "task": lambda task, label, name: file_of(row() | {"id": task}),
    "task and subtask": lambda task, label, name: file_of(row(parent=task), row() | {"id": task}),
    "parent": lambda task, label, name: file_of(row(parent=task)),
    "label": lambda task, label, name: file_of(row(labels=[label])),
    "label of the file": lambda task, label, name: file_of(row(labels=[label]), labels={label: "Zähne"}),
    "external id": lambda task, label, name: file_of(row(external_source="elsewhere", external_id=name)),
}


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("mention", MENTIONS)
def test_api_tasks_import_takes_the_owners_ids_as_if_they_were_nobodys(
    mention: str, file: Any, owner_client: APIClient, peer: User, peer_client: APIClient
) -> None:
    def told(*mentioned: str) -> tuple[int, Any]:
        response = peer_client.post(IMPORT, MENTIONS[mention](*mentioned))
        body = response.json() | {"request_id": ""}
        assert not {task.pop("id") for task in body.get("tasks", ())} & set(mentioned)
        Task.objects.filter(owner=peer).delete()
        Label.objects.filter(owner=peer).delete()
        return response.status_code, body

    foreign = told(file["tasks"][0]["id"], file["labels"][0]["id"], "17")

    assert foreign == told(uuid7(), uuid7(), "18")
    assert foreign[0] == (422 if mention in ("parent", "label") else 201)
    assert exported(owner_client) == file


@pytest.mark.usefixtures("walls")
def test_api_tasks_import_finds_nobody_elses_labels(
    owner: User, peer: User, staff: User, peer_client: APIClient
) -> None:
    labels = {user: Label.objects.create(owner=user, name="Home").pk for user in (owner, peer, staff)}
    pk = uuid7()

    report = imported(peer_client, file_of(row(labels=[pk]), labels={pk: "HOME"}))

    assert report["labels_created"] == 0
    assert Task.objects.get().labels == [labels[peer]]
