"""GET /api/v1/tasks/export?format=csv: what spreadsheets get."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tasks.models import Label, Task
from tasks.tests.files import cells, download, exported


def test_api_tasks_export_csv_holds_what_the_json_holds(owner: User, owner_client: APIClient) -> None:
    labels = [Label.objects.create(owner=owner, name=name).pk for name in ("Home", 'The "garden", outside')]
    Task.objects.create(
        owner=owner,
        title='Say "hello", then; go',
        description="one\r\ntwo\nthree,\t\U0001f418",
        labels=labels,
        metadata={"z": [1, None], "a": "ü"},
        due_on="2026-02-03",
        priority=3,
    )

    text = download(owner_client, format="csv")

    (task,) = exported(owner_client)["tasks"]
    assert text.splitlines(keepends=True)[0] == "\ufeff" + ",".join(f'"{name}"' for name in task) + "\r\n"
    assert cells(text) == [
        {name: "" if value is None else str(value) for name, value in task.items()}
        | {"labels": 'Home, The "garden", outside', "metadata": '{"z": [1, null], "a": "ü"}', "completed": "false"}
    ]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_api_tasks_export_csv_has_no_formulas(begin: str, owner: User, owner_client: APIClient) -> None:
    evil = f'{begin}HYPERLINK("x";"y")'
    label = Label.objects.create(owner=owner, name="=1")
    Task.objects.create(
        owner=owner, title="-1", description=evil, labels=[label.pk], external_source="@x", external_id="+1"
    )

    (row,) = cells(download(owner_client, format="csv"))

    assert row["description"] == f"'{evil}"
    assert [row[name] for name in ("title", "labels", "external_source", "external_id")] == ["'-1", "'=1", "'@x", "'+1"]
    assert exported(owner_client)["tasks"][0]["description"] == evil
