"""Cursors of one life of the database, and another: restored elsewhere, or set back to an earlier moment."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Checkpoint
from audit.sealing import seal
from audit.tests.tampering import tamper
from config.embedded import server
from config.embedded.programs import program, run
from resources.cursors import Cursor
from resources.tests.feed import URL, everything, page, settle, titles, told_of
from tasks.models import Label, Task

pytestmark = pytest.mark.django_db(transaction=True)

# A count that is ahead of every test's.
AHEAD = 10**12


def assert_expired(client: APIClient, cursor: str) -> None:
    response = client.get(URL, {"cursor": cursor})
    assert response.status_code == 410, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "cursor_expired"


def forged(cursor: str, **members: int) -> str:
    return str(Cursor.parse(cursor)._replace(**members))


def restore(changed_in: int, *titles: str, owner: User) -> None:
    """Put tasks there as a restore does: before the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_task DISABLE TRIGGER tasks_task_tracked_insertion")
        for place, title in enumerate(titles):
            cursor.execute(
                "INSERT INTO tasks_task (owner_id, title, changed_in) VALUES (%s, %s, %s::text::xid8)",
                [owner.pk, title, changed_in + place],
            )
        cursor.execute("ALTER TABLE tasks_task ENABLE TRIGGER tasks_task_tracked_insertion")


def count_beyond(cursor: str, client: APIClient) -> None:
    """Let the database begin so many transactions that the cursor's number is of the past."""
    number = Cursor.parse(cursor).changed_in
    with connection.cursor() as database:
        database.execute(f"""
            DO $$
            BEGIN
                WHILE pg_current_xact_id() <= '{number}' LOOP
                    COMMIT;
                END LOOP;
            END $$;
        """)
    assert number < Cursor.parse(everything(client)[1]).changed_in


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_what_was_restored_from_a_count_ahead_is_there_and_its_changes_are_told(
    limit: int, owner: User, owner_client: APIClient
) -> None:
    Task.objects.create(owner=owner, title="ours")
    restore(AHEAD, "a", "b", "c", owner=owner)
    settle()
    told = page(owner_client, limit=limit)
    begun = [change["object"]["title"] for change in told["results"]]

    Task.objects.filter(title="a").update(title="changed")
    rest = titles(owner_client, cursor=told["next"], limit=limit) if told["more"] else []

    cursor = everything(owner_client)[1]
    assert set(begun + rest) - {"a"} == {"ours", "b", "c"} | ({"changed"} if told["more"] else set())
    Task.objects.filter(title="b").delete()
    Task.objects.filter(title="c").update(title="changed, too")
    changes, cursor = everything(owner_client, cursor=cursor, limit=limit)
    assert [change["deleted"] for change in changes] == [True, False]
    assert told_of(owner_client, cursor) == []


def test_a_cursor_of_this_life_is_good_for_ever(owner: User, owner_client: APIClient) -> None:
    settle()
    cursors = [page(owner_client)["next"]]
    for title in "abc":
        Task.objects.create(owner=owner, title=title)
        seal()
        cursors += [everything(owner_client)[1], page(owner_client, limit=1)["next"]]

    assert all(owner_client.get(URL, {"cursor": cursor}).status_code == 200 for cursor in cursors)
    assert titles(owner_client, cursor=cursors[0]) == ["a", "b", "c"]


def test_a_cursor_of_another_database_has_expired(owner_client: APIClient) -> None:
    cursor = page(owner_client)["next"]

    assert_expired(owner_client, forged(cursor, life=Cursor.parse(cursor).life ^ 1))


def test_a_cursor_of_a_database_that_was_made_anew_in_its_place_has_expired(owner_client: APIClient) -> None:
    """As `pg_restore --clean` does, into the same cluster and under the same name."""
    cursor = page(owner_client)["next"]
    with connection.cursor() as database:
        database.execute("ALTER TABLE audit_checkpoint RENAME TO former")
        try:
            database.execute(
                "CREATE TABLE audit_checkpoint (LIKE former); GRANT SELECT ON audit_checkpoint TO daybook_app"
            )
            assert_expired(owner_client, cursor)
        finally:
            database.execute("DROP TABLE IF EXISTS audit_checkpoint; ALTER TABLE former RENAME TO audit_checkpoint")
    assert told_of(owner_client, cursor) == []


@pytest.mark.parametrize("member", ["changed_in", "resume"])
def test_a_cursor_of_the_future_has_expired(member: str, owner: User, owner_client: APIClient) -> None:
    Task.objects.bulk_create(Task(owner=owner, title=title) for title in "ab")
    cursors = {"changed_in": everything(owner_client)[1], "resume": page(owner_client, limit=1)["next"]}

    assert_expired(owner_client, forged(cursors[member], **{member: AHEAD}))


@pytest.mark.parametrize("loss", ["DELETE FROM audit_checkpoint", "UPDATE audit_checkpoint SET note = note || '.'"])
def test_a_cursor_from_after_a_checkpoint_that_is_lost_has_expired(
    loss: str, owner: User, owner_client: APIClient
) -> None:
    Task.objects.create(owner=owner, title="a")
    before = everything(owner_client)[1]
    seal()
    size = Checkpoint.objects.get().size
    cursors = [everything(owner_client, **parameters)[1] for parameters in ({}, {"cursor": before})]
    assert {Cursor.parse(cursor).size for cursor in cursors} == {size}

    tamper(loss)

    for cursor in cursors:
        assert_expired(owner_client, cursor)
    assert told_of(owner_client, before) == []


class Elsewhere:
    """A cluster of its own, in which the tests' database was restored."""

    def __init__(self, directory: Path) -> None:
        self.original: Any = connections["default"]
        self.copy: Any = self.original.copy()
        options = self.original.settings_dict["OPTIONS"] | {"data_dir": directory / "daybook"}
        self.copy.settings_dict = self.original.settings_dict | {"OPTIONS": options}
        self.data_dir = directory / "daybook"

    def fill(self) -> None:
        with self.copy._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.copy.settings_dict['NAME']}")
            for role in ("daybook_app", "daybook_auditor"):
                cursor.execute(f"CREATE ROLE {role}; GRANT {role} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")
        dump = [*self._command("pg_dump", self.original), "--format=custom"]
        restore = [*self._command("pg_restore", self.copy), "--no-owner", "--no-comments", "--exit-on-error"]
        name = self.original.settings_dict["NAME"]
        with subprocess.Popen([*dump, name], stdout=subprocess.PIPE) as dumping:
            subprocess.run([*restore, "--dbname", name], stdin=dumping.stdout, check=True)

    @staticmethod
    def _command(name: str, database: Any) -> list[str]:
        place = database.get_connection_params()
        server = ["--host", place["host"], "--port", str(place["port"]), "--username", place["user"]]
        return [str(program(name)), *server]

    def stop(self) -> None:
        self.copy.close()
        if share := server._servers.pop(self.data_dir.resolve(), None):
            share.detach()

    def save(self, to: Path) -> None:
        """What a snapshot of the disk is."""
        self.stop()
        subprocess.run(["cp", "-a", self.data_dir / "postgres", to], check=True)

    def begin_a_timeline(self) -> None:
        """What a recovery to an earlier moment does, and the promotion of a replica."""
        self.stop()
        segment = "0000000200000000000000F0"
        with open(os.devnull) as nothing:
            reset = (program("pg_resetwal"), "--next-wal-file", segment, self.data_dir / "postgres")
            run(*reset, data_dir=self.data_dir, hold=nothing.fileno())

    def set_back(self, to: Path) -> None:
        self.stop()
        shutil.rmtree(self.data_dir / "postgres")
        subprocess.run(["cp", "-a", to, self.data_dir / "postgres"], check=True)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with tempfile.TemporaryDirectory(prefix="daybook-") as directory:
        other = Elsewhere(Path(directory))
        try:
            yield other
        finally:
            connections["default"] = other.original
            other.stop()


@pytest.mark.slow
def test_a_database_that_was_restored_in_another_cluster_set_back_and_recovered(
    owner: User, owner_client: APIClient, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    Label.objects.create(owner=owner, name="Zoo")
    # The new cluster counts from about 700.
    restore(AHEAD, "a", "b", owner=owner)
    lost = everything(owner_client)[1]
    elsewhere.fill()
    connections["default"] = elsewhere.copy

    assert_expired(owner_client, lost)
    count_beyond(lost, owner_client)
    assert_expired(owner_client, lost)
    changes, before = everything(owner_client, limit=1)
    assert {change["object"].get("title", "Zoo") for change in changes} == {"Zoo", "a", "b"}
    Task.objects.filter(title="a").update(title="changed")
    assert titles(owner_client, cursor=before) == ["changed"]

    elsewhere.save(tmp_path / "snapshot")
    Task.objects.create(owner=owner, title="lost")
    seal()
    Task.objects.create(owner=owner, title="lost, too")
    after = everything(owner_client)[1]
    elsewhere.set_back(tmp_path / "snapshot")
    assert_expired(owner_client, after)

    count_beyond(after, owner_client)
    assert_expired(owner_client, after)
    Task.objects.filter(title="b").update(title="changed, too")
    assert titles(owner_client, cursor=before) == ["changed", "changed, too"]

    current = everything(owner_client)[1]
    elsewhere.begin_a_timeline()
    assert_expired(owner_client, current)
