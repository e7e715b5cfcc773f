"""Each way to tamper with the record, done as the tables' owner, is found and named."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from audit import findings, sealing
from audit.keys import signer, verifiers
from audit.models import Checkpoint, Event, Leaf
from audit.note import Signer
from audit.sealing import SealError, seal
from audit.seals import text_of
from audit.tests.conftest import SIZE
from audit.tests.tampering import another_connection, event_at, found, tamper
from audit.verification import verify
from tasks.models import Task

FORGED = """
    INSERT INTO audit_event (id, transaction_id, occurred_at, actor, owner_id, request_id, address, action,
                             object_type, object_id)
    SELECT uuidv7({shift}), {transaction}, clock_timestamp() {shift_time}, actor, owner_id, '', '', 'task.deleted',
           'task', object_id
    FROM audit_event WHERE action = 'task.created' LIMIT 1
"""


def exchange(column: str, table: str, key: str) -> str:
    """SQL that exchanges a column's values between the rows with two keys."""
    return (
        f"UPDATE {table} AS one SET {column} = other.{column} FROM {table} AS other "
        f"WHERE (one.{key}::text, other.{key}::text) IN ((%s, %s), (%s, %s))"
    )


@pytest.mark.usefixtures("history")
def test_an_untouched_record_holds() -> None:
    progress: list[int] = []
    report = verify(verifiers=verifiers(), progress=progress.append)

    assert report.ok, report.findings
    assert (report.size, report.checkpoints, report.unsealed, progress) == (SIZE, 3, 0, [SIZE])


@pytest.mark.django_db(transaction=True)
def test_an_empty_record_holds() -> None:
    report = verify(verifiers=verifiers())

    assert (report.ok, report.size, report.root) == (True, 0, "")


@pytest.mark.usefixtures("history")
def test_what_is_not_sealed_yet_is_counted_and_not_accused(history: User) -> None:
    Task.objects.create(owner=history, title="x")

    report = verify(verifiers=verifiers())

    assert (report.ok, report.unsealed) == (True, 1)
    assert report.oldest_unsealed == f"{Event.objects.latest('pk').occurred_at.isoformat()[:-6]}Z"


@pytest.mark.usefixtures("history")
def test_1_an_edited_event_is_found() -> None:
    tamper("UPDATE audit_event SET changes = '{}' WHERE id = %s", parameters=[event_at(7)])

    (finding,) = verify(verifiers=verifiers()).findings
    assert finding.kind == "event_edited"
    assert event_at(7) in finding.message and "leaf 7" in finding.message


@pytest.mark.parametrize("column", ["owner_id = NULL", "request_id = 'x'", "address = 'x'", "user_agent = 'x'",
                                    "object_id = 'x'", "outcome = 'denied'", "commitments = '{}'", "action = 'a.b'",
                                    "detail = '{\"a\": 1}'", "transaction_id = '1'", "object_type = 'x'"])  # fmt: skip
@pytest.mark.usefixtures("history")
def test_1_every_column_is_sealed(column: str) -> None:
    tamper(f"UPDATE audit_event SET {column} WHERE id = %s", parameters=[event_at(7)])

    assert found() == {"event_edited"}


@pytest.mark.usefixtures("history")
def test_2_a_deleted_event_is_found() -> None:
    tamper("DELETE FROM audit_event WHERE id = %s", parameters=[event_at(7)])

    assert found() == {"event_deleted"}


@pytest.mark.usefixtures("history")
def test_2_an_event_deleted_with_its_leaf_is_found() -> None:
    parameters = [event_at(7)]
    tamper("DELETE FROM audit_event WHERE id = %s", "DELETE FROM audit_leaf WHERE event_id = %s", parameters=parameters)

    assert found() == {"leaves_deleted"}


@pytest.mark.parametrize("transaction", ["'3'", "'999999999999'"])
@pytest.mark.usefixtures("history")
def test_3_an_inserted_event_with_a_forged_transaction_is_found(transaction: str) -> None:
    tamper(FORGED.format(shift="", shift_time="", transaction=transaction))
    seal()

    assert found() == {"event_inserted"}


@pytest.mark.usefixtures("history")
def test_3_an_event_inserted_with_a_leaf_is_found() -> None:
    tamper(
        FORGED.format(shift="", shift_time="", transaction="'3'"),
        f"INSERT INTO audit_leaf SELECT {SIZE}, id, sha256('') FROM audit_event WHERE action = 'task.deleted'",
    )

    assert found() == {"event_edited", "tree_changed"}


@pytest.mark.usefixtures("history")
def test_3_an_event_inserted_between_others_is_found() -> None:
    tamper(
        FORGED.format(shift="", shift_time="", transaction="'3'"),
        "UPDATE audit_leaf SET index = -index - 1 WHERE index >= 8",
        "UPDATE audit_leaf SET index = -index WHERE index < 0",
        "INSERT INTO audit_leaf SELECT 8, id, sha256('') FROM audit_event WHERE action = 'task.deleted'",
    )

    assert "tree_changed" in found()


@pytest.mark.parametrize(("one", "other"), [(7, 8), (2, 12)])
@pytest.mark.usefixtures("history")
def test_4_reordered_leaves_are_found(one: int, other: int) -> None:
    tamper(
        f"UPDATE audit_leaf SET index = -1 WHERE index = {one}",
        f"UPDATE audit_leaf SET index = {one} WHERE index = {other}",
        f"UPDATE audit_leaf SET index = {other} WHERE index = -1",
    )

    assert found() == {"leaves_reordered", "tree_changed"}


@pytest.mark.usefixtures("history")
def test_5_events_whose_contents_were_exchanged_are_found() -> None:
    one, other = event_at(7), event_at(12)
    pair = [one, other, other, one]
    columns = ("object_id", "transaction_id", "occurred_at", "changes", "commitments")
    tamper(*(exchange(column, "audit_event", "id") for column in columns), parameters=pair)

    report = verify(verifiers=verifiers())
    assert set(report.found) == {"events_swapped"}
    assert {one in finding.message and other in finding.message for finding in report.findings} == {True}


@pytest.mark.usefixtures("history")
def test_5_leaves_whose_events_were_exchanged_are_found() -> None:
    one, other = event_at(6), event_at(11)
    tamper(
        f"UPDATE audit_leaf SET event_id = uuidv7() WHERE event_id = '{one}'",
        f"UPDATE audit_leaf SET event_id = '{one}' WHERE event_id = '{other}'",
        f"UPDATE audit_leaf SET event_id = '{other}' WHERE index = 6",
    )

    report = verify(verifiers=verifiers())
    assert "events_swapped" in report.found
    assert "sealed as leaf 11" in str(report.findings)


@pytest.mark.usefixtures("history")
def test_6_a_cut_prefix_is_found() -> None:
    tamper(
        "DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_leaf WHERE index < 6)",
        "DELETE FROM audit_leaf WHERE index < 6",
        "DELETE FROM audit_checkpoint WHERE size = 6",
    )

    assert found() == {"prefix_cut"}


@pytest.mark.usefixtures("history")
def test_6_a_cut_prefix_is_found_though_the_rest_was_renumbered() -> None:
    tamper(
        "DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_leaf WHERE index < 6)",
        "DELETE FROM audit_leaf WHERE index < 6",
        "UPDATE audit_leaf SET index = index - 6",
        "DELETE FROM audit_checkpoint WHERE size = 6",
    )

    assert found() == {"tree_changed", "tail_cut"}


CUT_TAIL = (
    "DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_leaf WHERE index >= 11)",
    "DELETE FROM audit_leaf WHERE index >= 11",
)


@pytest.mark.usefixtures("history")
def test_7_a_cut_tail_is_found() -> None:
    tamper(*CUT_TAIL)

    assert found() == {"tail_cut"}


@pytest.mark.usefixtures("history")
def test_7_a_cut_tail_is_found_by_who_kept_a_checkpoint() -> None:
    kept = Checkpoint.objects.get(size=SIZE).note
    tamper(*CUT_TAIL, f"DELETE FROM audit_checkpoint WHERE size = {SIZE}")

    assert found() == set()
    assert found(("kept.txt", kept)) == {"tail_cut"}


@pytest.mark.usefixtures("history")
def test_7_a_history_that_was_written_anew_is_found_by_who_kept_a_checkpoint(history: User) -> None:
    kept = Checkpoint.objects.get(size=SIZE).note
    tamper(*CUT_TAIL, f"DELETE FROM audit_checkpoint WHERE size = {SIZE}")
    Task.objects.bulk_create(Task(owner=history, title="x") for _ in range(9))
    seal()

    assert found() == set()
    assert found(("kept.txt", kept)) == {"tree_changed"}


@pytest.mark.parametrize("interval", ["1 second", "400 days", "-3 hours"])
@pytest.mark.usefixtures("history")
def test_8_a_changed_time_is_found_with_the_true_one(interval: str) -> None:
    true = Event.objects.get(pk=event_at(7)).occurred_at.isoformat()[:-6]
    tamper(f"UPDATE audit_event SET occurred_at = occurred_at + interval '{interval}' WHERE id = %s",
           parameters=[event_at(7)])  # fmt: skip

    (finding,) = verify(verifiers=verifiers()).findings
    assert finding.kind == "clock_changed"
    assert f"{true}Z" in finding.message


@pytest.mark.parametrize("time", ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC"])
@pytest.mark.usefixtures("history")
def test_8_no_time_is_too_strange_to_be_found(time: str) -> None:
    tamper(f"UPDATE audit_event SET occurred_at = '{time}' WHERE id = %s", parameters=[event_at(7)])

    assert found() == {"clock_changed"}


@pytest.mark.usefixtures("history")
def test_8_a_time_that_is_none_is_found_before_it_is_sealed() -> None:
    forged = FORGED.format(shift="", shift_time="", transaction="pg_current_xact_id()")
    tamper(forged.replace("clock_timestamp()", "'infinity'"))

    assert found() == {"clock_changed"}


@pytest.mark.usefixtures("history")
def test_8_two_thousand_years_are_seen() -> None:
    """A year has the same digits before our era."""
    tamper("UPDATE audit_event SET occurred_at = (occurred_at::text || ' BC')::timestamptz WHERE id = %s",
           parameters=[event_at(7)])  # fmt: skip

    assert found() == {"clock_changed"}


@pytest.mark.usefixtures("history")
def test_8_a_backdated_event_is_found_though_a_restore_had_it_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    shift = "interval '-1000 days'"
    tamper(FORGED.format(shift=shift, shift_time=f"+ {shift}", transaction="'5'"))
    assert found() == {"event_inserted"}
    with monkeypatch.context() as patch:
        window = replace(sealing.window(), cluster="another")
        patch.setattr(sealing, "window", lambda: window)
        seal()

    assert found() == {"clock_changed"}


@pytest.mark.usefixtures("history")
def test_8_an_event_backdated_by_a_transaction_that_was_open_is_found(history: User) -> None:
    shift = "interval '-1000 days'"
    Task.objects.create(owner=history, title="Sealed while the transaction is open")
    with another_connection() as open_one:
        open_one.execute("SELECT pg_current_xact_id()")
        Task.objects.create(owner=history, title="Begun later, and so not")
        assert seal()
        open_one.execute(FORGED.format(shift=shift, shift_time=f"+ {shift}", transaction="pg_current_xact_id()"))
    seal()

    assert found() == {"clock_changed"}


@pytest.mark.parametrize("shift", ["interval '-2 hours'", "interval '2 hours'"])
@pytest.mark.usefixtures("history")
def test_8_a_backdated_event_is_found_though_it_was_sealed(shift: str) -> None:
    tamper(FORGED.format(shift=shift, shift_time=f"+ {shift}", transaction="pg_current_xact_id()"))
    tamper(FORGED.format(shift="", shift_time=f"+ {shift}", transaction="pg_current_xact_id()"))
    seal()

    assert found() == {"clock_changed"}


@pytest.mark.usefixtures("history")
def test_8_an_event_whose_id_is_beyond_all_time_is_found() -> None:
    tamper(FORGED.format(shift="", shift_time="", transaction="pg_current_xact_id()")
           .replace("uuidv7()", "'ffffffff-ffff-7fff-bfff-ffffffffffff'"))  # fmt: skip
    seal()

    assert found() == {"clock_changed"}


@pytest.mark.usefixtures("history")
def test_9_a_changed_actor_is_found_with_the_true_one() -> None:
    tamper("UPDATE audit_event SET actor = 'system:backup' WHERE id = %s", parameters=[event_at(7)])

    (finding,) = verify(verifiers=verifiers()).findings
    assert finding.kind == "actor_changed"
    assert finding.message.endswith("sealed with the actor system:pytest.")


@pytest.mark.parametrize("size", [6, 11, SIZE])
@pytest.mark.usefixtures("history")
def test_10_an_edited_checkpoint_is_found(size: int) -> None:
    tamper(f"UPDATE audit_checkpoint SET note = replace(note, 'sealed 20', 'sealed 19') WHERE size = {size}")

    assert found() == {"checkpoint_edited"}


@pytest.mark.parametrize("note", ["", "x", "daybook\\n16\\n"])
@pytest.mark.usefixtures("history")
def test_10_a_checkpoint_that_is_none_is_found(note: str) -> None:
    tamper(f"UPDATE audit_checkpoint SET note = E'{note}' WHERE size = 6")

    assert found() == {"checkpoint_edited"}


@pytest.mark.usefixtures("history")
def test_10_a_checkpoint_in_the_place_of_another_is_found() -> None:
    tamper("DELETE FROM audit_checkpoint WHERE size = 11", "UPDATE audit_checkpoint SET size = 11 WHERE size = 6")

    assert found() == {"checkpoint_edited"}


@pytest.mark.usefixtures("history")
def test_10_a_checkpoint_without_our_lines_is_found() -> None:
    bare = signer().sign("daybook\n6\n" + text_of(Checkpoint.objects.get(size=6).note).split("\n")[2] + "\n")
    tamper("UPDATE audit_checkpoint SET note = %s WHERE size = 6", parameters=[bare])

    assert found() == {"checkpoint_edited"}


@pytest.mark.usefixtures("history")
def test_11_a_checkpoint_signed_with_another_key_is_found(settings: Settings) -> None:
    forged = Signer("daybook", token_bytes(32)).sign(text_of(Checkpoint.objects.get(size=SIZE).note))
    tamper(f"UPDATE audit_checkpoint SET note = %s WHERE size = {SIZE}", parameters=[forged])

    assert found() == {"checkpoint_by_unknown_key"}


@pytest.mark.usefixtures("history")
def test_11_a_former_key_is_trusted_if_it_is_listed(settings: Settings, history: User) -> None:
    former = signer().verifier
    settings.AUDIT_SIGNING_KEY = "k" * 42 + "A"
    Task.objects.create(owner=history, title="x")
    seal()

    assert found() == {"checkpoint_by_unknown_key"}
    settings.AUDIT_TRUSTED_KEYS = (former.vkey,)
    assert found() == set()


@pytest.mark.usefixtures("history")
def test_12_a_dropped_partition_is_found_once() -> None:
    tamper(f"DROP TABLE audit_event_{datetime.now(UTC):%Y_%m}")

    report = verify(verifiers=verifiers())
    assert report.found == {findings.Kind.PARTITION_DROPPED: 1}


@pytest.mark.usefixtures("history")
def test_a_changed_node_is_found(history: User) -> None:
    Task.objects.bulk_create(Task(owner=history, title="x") for _ in range(300))
    seal()
    assert found() == set()
    tamper("UPDATE audit_node SET hash = sha256('')")

    assert found() == {"node_changed"}


@pytest.mark.usefixtures("history")
def test_of_many_findings_the_first_are_told_and_all_are_counted(
    history: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "SHOWN", 3)
    monkeypatch.setattr("audit.verification.EXAMINED", 2)
    tamper("UPDATE audit_event SET changes = '{}' WHERE action = 'task.created'")

    report = verify(verifiers=verifiers())
    assert report.found == {findings.Kind.EVENT_EDITED: SIZE - 1}
    assert len(report.findings) == 3


@pytest.mark.usefixtures("history")
def test_what_was_tampered_with_is_not_sealed_over(history: User) -> None:
    Task.objects.create(owner=history, title="x")
    tamper("UPDATE audit_leaf SET hash = sha256('') WHERE index = 15")
    with pytest.raises(SealError, match="isn't the one that was sealed at 16 leaves"):
        seal()

    tamper("DELETE FROM audit_leaf WHERE index = 14")
    with pytest.raises(SealError, match="incomplete"):
        seal()
    assert Leaf.objects.count() == SIZE - 1


@pytest.mark.usefixtures("history")
def test_a_leaf_that_is_no_hash_is_found() -> None:
    tamper("UPDATE audit_leaf SET hash = hash || '\\x00' WHERE index = 7")

    report = verify(verifiers=verifiers())
    assert set(report.found) == {"tree_changed", "event_edited"}
    assert "Leaf 7 has no hash: it isn't 32 bytes long." in [finding.message for finding in report.findings]


@pytest.mark.usefixtures("history")
def test_a_node_that_no_leaves_make_is_found() -> None:
    tamper("INSERT INTO audit_node VALUES (8, 0, sha256(''))")

    assert found() == {"node_changed"}


@pytest.mark.usefixtures("history")
def test_a_checkpoint_of_another_log_is_found() -> None:
    text = text_of(Checkpoint.objects.get(size=SIZE).note)
    other = signer().sign(text.replace("daybook", "elsewhere", 1))

    assert found(("kept.txt", other)) == {"checkpoint_edited"}


@pytest.mark.usefixtures("history")
def test_a_guard_that_was_taken_away_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tasks_task DISABLE TRIGGER tasks_task_audited_delete")
    try:
        report = verify(verifiers=verifiers())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tasks_task ENABLE ALWAYS TRIGGER tasks_task_audited_delete")

    assert report.found == {findings.Kind.GUARDS_CHANGED: 1}
    assert "tasks_task_audited_delete" in report.findings[0].message
    assert report.size == SIZE


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("ALTER TABLE audit_leaf RENAME TO audit_leaves", "ALTER TABLE audit_leaves RENAME TO audit_leaf"),
        ("ALTER TABLE audit_event RENAME TO events", "ALTER TABLE events RENAME TO audit_event"),
    ],
)
@pytest.mark.usefixtures("history")
def test_a_record_that_cannot_be_read_is_told_so(change: str, back: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)
        try:
            report = verify(verifiers=verifiers())
        finally:
            cursor.execute(back)

    assert (set(report.found), report.size) == ({"guards_changed"}, 0)


@pytest.mark.usefixtures("history")
def test_a_record_that_nobody_seals_is_found(history: User, monkeypatch: pytest.MonkeyPatch) -> None:
    Task.objects.create(owner=history, title="x")
    assert found() == set()
    monkeypatch.setattr("audit.verification.PATIENCE", timedelta(0))

    assert found() == {"not_sealed"}


@pytest.mark.usefixtures("history")
def test_the_command_holds_the_record_against_the_newest_published_checkpoint(
    settings: Settings, tmp_path: Path
) -> None:
    settings.AUDIT_CHECKPOINT_DIR = tmp_path
    seal()
    tamper(*CUT_TAIL, f"DELETE FROM audit_checkpoint WHERE size = {SIZE}")

    told, status = command()

    assert (status, "tail_cut" in told) == (1, True)


def command(*arguments: str, **options: Any) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out, **options)
    except CommandError as exc:
        return out.getvalue(), exc.returncode
    return out.getvalue(), 0


@pytest.mark.usefixtures("history")
def test_the_command_says_that_the_record_holds(tmp_path: Path, history: User) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(Checkpoint.objects.get(size=6).note)
    Task.objects.create(owner=history, title="x")

    told, status = command("--checkpoint", str(kept), "--key", signer().verifier.vkey)

    assert status == 0
    assert f"{SIZE} events hold: sealed 20" in told
    assert "3 stored and 1 given checkpoints" in told
    assert "Not sealed yet: 1, the oldest" in told
    assert told.rstrip().endswith("The record is what was sealed.")


@pytest.mark.usefixtures("history")
def test_the_command_names_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "SHOWN", 3)
    monkeypatch.setattr("audit.management.commands.verify_audit.SHOWN", 3)
    tamper("DELETE FROM audit_event")

    told, status = command()

    assert status == 1
    assert f"event_deleted: {SIZE - 3} more" in told


@pytest.mark.usefixtures("history")
def test_the_command_speaks_json() -> None:
    told, status = command("--json")

    report = json.loads(told)
    assert (status, report["ok"], report["size"], report["findings"]) == (0, True, SIZE, [])
    tamper("DELETE FROM audit_event WHERE id = %s", parameters=[event_at(0)])
    told, status = command(json=True)
    assert (status, json.loads(told)["found"]) == (1, {"event_deleted": 1})


@pytest.mark.usefixtures("history")
def test_the_command_takes_a_checkpoint_as_the_api_answers_it(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"size": 6, "note": Checkpoint.objects.get(size=6).note}))

    told, status = command("--checkpoint", str(kept))

    assert (status, "1 given checkpoints" in told) == (0, True)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "daybook\n6\n", "\x00"])
def test_the_command_refuses_a_file_that_holds_no_checkpoint(text: str, tmp_path: Path) -> None:
    """Which is a mistake, and no tampering."""
    (tmp_path / "kept").write_text(text)

    with pytest.raises(CommandError, match="holds no checkpoint"):
        call_command("verify_audit", "--checkpoint", str(tmp_path / "kept"))


@pytest.mark.usefixtures("history")
def test_the_command_says_that_the_directory_of_checkpoints_is_not_there(settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_DIR = tmp_path / "unmounted"

    with pytest.raises(CommandError, match="AUDIT_CHECKPOINT_DIR can't be read") as caught:
        call_command("verify_audit")
    assert caught.value.returncode == 2


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [("--checkpoint", "/nowhere", "/nowhere holds no checkpoint"), ("--key", "x", "argument --key")],
)
def test_the_command_refuses_what_it_cannot_use(option: str, value: str, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("verify_audit", option, value)


@pytest.mark.usefixtures("history")
def test_verifying_changes_nothing() -> None:
    before = Event.objects.count()
    verify(verifiers=verifiers())

    assert Event.objects.count() == before
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("off",)
