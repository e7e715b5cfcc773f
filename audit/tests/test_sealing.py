"""Sealing: nothing skipped, nothing twice, never two at once, and whole after any crash."""

import signal
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event as Flag
from threading import Thread, Timer
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from pytest_django import Settings

from accounts.models import User
from audit import publication, sealing, seals, upkeep
from audit.keys import signer, verifiers
from audit.merkle import EMPTY_ROOT
from audit.models import Checkpoint, Event, Leaf, Node, Purge, SaltKey
from audit.note import read_note
from audit.sealing import SealError, seal
from audit.seals import Seal, Window
from audit.services import record
from audit.tests.conftest import SIZE
from audit.tests.tampering import another_connection, tamper
from audit.verification import verify
from tasks.models import Task


def insert_task(other: psycopg.Connection[Any], owner: User) -> None:
    other.execute("INSERT INTO tasks_task (owner_id, title, description, completed) VALUES (%s, 'x', '', false)",
                  [owner.pk])  # fmt: skip


def wait_until_alone() -> None:
    """Who is killed leaves a backend that ends its statement first, with its locks."""
    with connection.cursor() as cursor:
        for _ in range(300):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone() == (0,):
                return
            sleep(0.1)
    pytest.fail("somebody else stays connected")


def assert_holds() -> None:
    report = verify(verifiers=verifiers())
    assert report.ok, report.findings


@pytest.mark.usefixtures("history")
def test_leaves_are_numbered_without_gaps_and_each_event_has_one() -> None:
    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(SIZE))
    assert set(Leaf.objects.values_list("event_id", flat=True)) == set(Event.objects.values_list("pk", flat=True))


@pytest.mark.usefixtures("history")
def test_the_checkpoint_is_signed_and_says_when_and_of_what() -> None:
    note = Checkpoint.objects.get(size=SIZE).note

    seal_ = Seal.parse(read_note(note, [signer().verifier]))
    assert (seal_.checkpoint.origin, seal_.checkpoint.size) == ("daybook", SIZE)
    assert seal_ == seals.latest()
    assert seal_.window.horizon <= seal_.window.upcoming


@pytest.mark.django_db(transaction=True)
def test_without_anything_new_nothing_is_sealed() -> None:
    assert seal() is None
    User.objects.create_user("owner@example.com")
    assert seal()
    assert seal() is None
    assert Checkpoint.objects.count() == 1


def test_what_commits_late_is_sealed_late_and_not_skipped(history: User) -> None:
    with another_connection() as late:
        insert_task(late, history)
        Task.objects.create(owner=history, title="Begun later, ended earlier")
        assert seal() is None  # older transactions are still running
        late.commit()
    fresh = seal()

    assert fresh
    assert fresh.checkpoint.size == SIZE + 2
    assert_holds()


def test_what_is_rolled_back_is_never_sealed(history: User) -> None:
    with another_connection() as other:
        insert_task(other, history)
        other.rollback()

    assert seal() is None
    assert_holds()


def test_while_one_seals_nobody_else_does(history: User) -> None:
    Task.objects.create(owner=history, title="x")
    with another_connection() as first:
        first.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
        assert seal() is None

    assert seal()


def test_a_crash_before_the_commit_leaves_nothing(history: User, monkeypatch: pytest.MonkeyPatch) -> None:
    Task.objects.create(owner=history, title="x")
    monkeypatch.setattr(sealing, "signer", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        seal()
    monkeypatch.undo()

    assert (Leaf.objects.count(), Checkpoint.objects.count()) == (SIZE, 3)
    assert seal()
    assert_holds()


def test_what_a_crash_kept_from_being_published_is_published_next(
    history: User, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AUDIT_CHECKPOINT_DIR = tmp_path
    monkeypatch.setattr(publication, "_write", lambda path, note: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="full"):
        seal()
    monkeypatch.undo()
    assert list(settings.AUDIT_CHECKPOINT_DIR.iterdir()) == []

    seal()
    published = sorted(settings.AUDIT_CHECKPOINT_DIR.iterdir())
    assert [int(path.stem.removeprefix("checkpoint-")) for path in published] == [6, 11, SIZE]
    assert published[0].read_text() == Checkpoint.objects.get(size=6).note
    seal()
    assert sorted(settings.AUDIT_CHECKPOINT_DIR.iterdir()) == published


def test_a_directory_that_is_not_there_is_not_made(history: User, settings: Settings, tmp_path: Path) -> None:
    """What isn't mounted would look like nothing published."""
    settings.AUDIT_CHECKPOINT_DIR = tmp_path / "unmounted"
    Task.objects.create(owner=history, title="x")

    with pytest.raises(SealError, match="isn't there: mount it, or make it"):
        seal()
    assert Checkpoint.objects.count() == 3


def test_other_files_beside_the_checkpoints_are_passed_over(history: User, settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_DIR = tmp_path
    (tmp_path / "checkpoint-latest.txt").write_text("x")
    (tmp_path / ".checkpoint-draft").write_text("x")
    seal()

    assert len(list(tmp_path.glob("checkpoint-0*.txt"))) == 3


@pytest.mark.usefixtures("history")
def test_a_last_checkpoint_that_is_none_stops_the_sealing() -> None:
    tamper(f"UPDATE audit_checkpoint SET note = 'x' WHERE size = {SIZE}")

    with pytest.raises(SealError, match="The last checkpoint is none"):
        seal()


def test_what_is_written_while_a_long_sealing_runs_is_not_accused(
    history: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seal's time is the snapshot's, and not the end's."""
    monkeypatch.setattr("audit.clock.TOLERANCE", timedelta(seconds=1))
    Task.objects.create(owner=history, title="Sealed at once")
    append = sealing._append

    def slowly(*arguments: Any) -> None:
        with another_connection() as other:
            insert_task(other, history)
            other.commit()
        sleep(2)
        append(*arguments)

    monkeypatch.setattr(sealing, "_append", slowly)
    seal()
    monkeypatch.setattr(sealing, "_append", append)
    seal()

    assert_holds()


def test_an_event_that_had_to_wait_for_a_lock_is_not_accused(history: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.clock.TOLERANCE", timedelta(seconds=1))
    with another_connection() as other:
        other.execute("LOCK TABLE audit_event IN SHARE MODE")
        ending = Timer(2, other.commit)
        started = monotonic()
        ending.start()
        record(action="thing.done")
        assert monotonic() - started > 1  # it had to wait
        Task.objects.create(owner=history, title="x")
        ending.join()
    seal()

    assert_holds()


def test_a_tree_that_a_published_checkpoint_contradicts_is_not_continued(
    history: User, settings: Settings, tmp_path: Path
) -> None:
    settings.AUDIT_CHECKPOINT_DIR = tmp_path
    seal()
    Task.objects.create(owner=history, title="x")
    newest = tmp_path / f"checkpoint-{SIZE:020}.txt"
    note = newest.read_text()

    newest.write_text(note.replace("\n16\n", "\n17\n"))
    with pytest.raises(SealError, match="was cut, or an older one was restored"):
        seal()
    other = Seal.parse(note.rpartition("\n\n")[0] + "\n").checkpoint
    newest.write_text(note.replace(other.text().split("\n")[2], b64encode(EMPTY_ROOT).decode()))
    with pytest.raises(SealError, match="another root"):
        seal()
    newest.write_text("torn")
    with pytest.raises(SealError, match="can't be read"):
        seal()
    assert Checkpoint.objects.count() == 3

    newest.write_text(note)
    assert seal()


@pytest.mark.parametrize("elsewhere", ["another-cluster", ""])
def test_after_a_restore_into_another_cluster_everything_is_sealed_once(
    elsewhere: str, history: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = sealing.window().cluster
    Task.objects.create(owner=history, title="From before, with a transaction id that is still to come")
    window = Window(datetime.now(UTC), 3, 5, elsewhere or cluster)
    monkeypatch.setattr(sealing, "window", lambda: window)
    fresh = seal()
    assert fresh
    assert (fresh.checkpoint.size, fresh.window) == (SIZE + 1, window)

    monkeypatch.undo()
    Task.objects.create(owner=history, title="From after")
    again = seal()
    assert again
    assert again.checkpoint.size == SIZE + 2
    assert_holds()


def test_each_row_of_the_tree_names_itself(history: User) -> None:
    Task.objects.bulk_create(Task(owner=history, title="x") for _ in range(256 - SIZE))
    seal()
    rows = [Leaf.objects.get(index=7), Node.objects.get(), Checkpoint.objects.get(size=6), SaltKey.objects.get()]

    assert [str(row) for row in rows] == ["leaf 7", "node 8/0", "checkpoint at 6", f"salt key of {history.pk}"]
    assert str(Purge(month=date(2020, 1, 1))) == "purge of 2020-01"


def test_a_function_that_stands_in_for_a_built_in_one_is_passed_by(history: User) -> None:
    cluster = sealing.window().cluster
    Task.objects.create(owner=history, title="x")
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA evil")
        cursor.execute(
            "CREATE FUNCTION evil.pg_control_system(OUT system_identifier bigint) LANGUAGE sql AS 'SELECT 42::bigint'"
        )
        cursor.execute("SET search_path = evil, pg_catalog, public")
        try:
            fresh = seal()
        finally:
            cursor.execute("RESET search_path; DROP SCHEMA evil CASCADE")

    assert fresh
    assert fresh.window.cluster == cluster != "42"


def test_nodes_are_kept_of_each_eighth_level(history: User) -> None:
    Task.objects.bulk_create(Task(owner=history, title="x") for _ in range(512 - SIZE))
    seal()

    assert list(Node.objects.order_by("position").values_list("level", "position")) == [(8, 0), (8, 1)]


@pytest.mark.django_db(transaction=True)
def test_the_command_seals_and_prints_the_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seal_audit")
    assert capsys.readouterr().out == ""
    User.objects.create_user("owner@example.com")

    call_command("seal_audit")

    assert capsys.readouterr().out == Checkpoint.objects.get().note


def test_upkeep_goes_on_where_one_step_fails(history: User, capsys: pytest.CaptureFixture[str]) -> None:
    tamper("UPDATE audit_leaf SET hash = sha256('') WHERE index = 15")

    assert upkeep.keep() is False
    with pytest.raises(CommandError, match="the log says what"):
        call_command("seal_audit")
    tamper("DELETE FROM audit_leaf", "DELETE FROM audit_checkpoint")
    assert upkeep.keep() is True


@pytest.mark.usefixtures("history")
def test_upkeep_survives_whatever_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(upkeep, "seal", fail)

    assert upkeep.keep(rarely=False) is False


@pytest.mark.slow
def test_twenty_verifications_under_load_raise_no_false_alarm(history: User) -> None:
    stop = Flag()

    def write(number: int) -> None:
        random = Random(number)
        try:
            with another_connection() as other:
                while not stop.is_set():
                    insert_task(other, history)
                    sleep(random.random() / 50)
                    other.rollback() if random.random() < 0.2 else other.commit()
        finally:
            connections.close_all()

    def keep_sealing() -> None:
        try:
            while not stop.is_set():
                seal()
        finally:
            connections.close_all()

    threads = [*(Thread(target=write, args=[number]) for number in range(16)), Thread(target=keep_sealing)]
    for thread in threads:
        thread.start()
    try:
        sizes: list[int] = []
        # Twenty, and as many more as a slow machine needs to seal meanwhile.
        while len(sizes) < 20 or (sizes[-1] == sizes[0] and len(sizes) < 400):
            report = verify(verifiers=verifiers())
            assert report.ok, report.findings
            sizes.append(report.size)
            sleep(0.1)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    seal()

    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0] >= SIZE
    report = verify(verifiers=verifiers())
    assert (report.ok, report.unsealed, report.size) == (True, 0, Event.objects.count())


@pytest.mark.slow
def test_a_sealer_that_is_killed_at_any_moment_leaves_a_record_that_the_next_completes(
    history: User, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = connection.settings_dict["NAME"]
    script = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        f"settings.DATABASES['default']['NAME'] = {database!r}\n"
        f"from pathlib import Path; settings.AUDIT_CHECKPOINT_DIR = Path({str(tmp_path)!r})\n"
        "from audit.sealing import seal\n"
        "print('ready', flush=True)\n"
        "while True: seal()\n"
    )
    random = Random(7)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    for _ in range(5):
        sealer = subprocess.Popen(
            [sys.executable, "-c", script], cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True
        )
        assert sealer.stdout
        assert sealer.stdout.readline() == "ready\n"
        until = monotonic() + 0.3 + random.random() / 2
        while monotonic() < until:
            Task.objects.bulk_create(Task(owner=history, title="x") for _ in range(200))
        sealer.send_signal(signal.SIGKILL)
        sealer.wait()
        sealer.stdout.close()
        assert_holds()
    wait_until_alone()
    settings.AUDIT_CHECKPOINT_DIR = tmp_path
    seal()

    sizes = {int(path.stem.removeprefix("checkpoint-")) for path in tmp_path.glob("checkpoint-*.txt")}
    assert sizes == set(Checkpoint.objects.values_list("size", flat=True))
    given = [(path.name, path.read_text()) for path in tmp_path.glob("checkpoint-*.txt")]
    report = verify(given=given, verifiers=verifiers())
    assert (report.ok, report.given, report.unsealed) == (True, len(given), 0)
