"""Retention: whole months, sealed and as they were sealed, each purge signed for ever."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import StringIO
from secrets import token_bytes
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from pytest_django import Settings

from accounts.models import User
from audit import retention, sealing
from audit.guards import Difference, differences
from audit.keys import verifiers
from audit.models import Event, Leaf, Purge
from audit.note import Signer
from audit.retention import RetentionError, ensure_partitions, months_kept, purge
from audit.sealing import seal
from audit.seals import text_of
from audit.tests.tampering import another_connection, found, only_months_to_come, tamper
from audit.verification import verify

OLD = """
    INSERT INTO audit_event (id, occurred_at, actor, request_id, address, action, object_type, object_id)
    SELECT uuidv7(at - now()), at, 'system:test', '', '', 'thing.done', 'thing', number::text
    FROM generate_series(1, 5) AS number,
         LATERAL (SELECT '{month}-15 12:00Z'::timestamptz + make_interval(secs => number)) AS moment (at)
"""


def happen_in(*months: str) -> None:
    with connection.cursor() as cursor:
        for month in months:
            cursor.execute("SELECT audit_add_partition(%s)", [f"{month}-01"])
            cursor.execute(OLD.format(month=month))


@pytest.fixture
def old(transactional_db: None, settings: Settings) -> Iterator[None]:
    """Ten events of two months in 2019, kept for a year, sealed."""
    settings.AUDIT_RETENTION_DAYS = 365
    happen_in("2019-01", "2019-03")
    seal()
    yield
    only_months_to_come()


@pytest.mark.usefixtures("old")
def test_what_is_too_old_goes_by_months_and_the_rest_still_holds() -> None:
    assert purge() == ["2019-01", "2019-03"]

    assert purge() == []
    assert not Event.objects.filter(action="thing.done").exists()
    assert Leaf.objects.count() == 10
    seal()
    report = verify(verifiers=verifiers())
    assert (report.ok, report.purged, report.size) == (True, 10, 12)
    told = StringIO()
    call_command("verify_audit", stdout=told)
    assert "10 events were purged; their leaves hold." in told.getvalue()


@pytest.mark.usefixtures("old")
def test_each_purge_is_on_record_and_signed() -> None:
    purge()

    event = Event.objects.get(action="audit.purged", object_id="2019-01")
    note = Purge.objects.get(month=date(2019, 1, 1)).note
    assert event.detail == {"events": 5, "note": note}
    assert text_of(note).split("\n")[:3] == ["daybook purge", "2019-01", "5"]


@pytest.mark.usefixtures("old")
def test_what_is_not_too_old_stays(settings: Settings) -> None:
    settings.AUDIT_RETENTION_DAYS = (datetime.now(UTC).date() - date(2019, 1, 31)).days
    assert purge() == []
    settings.AUDIT_RETENTION_DAYS -= 1

    assert purge() == ["2019-01"]


@pytest.mark.usefixtures("old")
def test_a_month_that_is_not_sealed_stays() -> None:
    happen_in("2019-02")

    with pytest.raises(RetentionError, match=r"2019-02 isn't purged: the event .* isn't sealed"):
        purge()
    assert months_kept()[0] == date(2019, 2, 1)  # the others are gone
    seal()
    assert purge() == ["2019-02"]


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_event SET object_id = 'x' WHERE object_id = '3'",
        "DELETE FROM audit_event WHERE object_id = '3'",
    ],
)
@pytest.mark.usefixtures("old")
def test_a_month_that_was_tampered_with_stays_as_evidence(tampering: str) -> None:
    tamper(tampering)

    with pytest.raises(RetentionError, match="2019-01 isn't purged"):
        purge()
    assert Event.objects.filter(action="thing.done").exists()


@pytest.mark.usefixtures("old")
def test_while_somebody_seals_nothing_is_purged() -> None:
    with another_connection() as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
        assert purge() == []


@pytest.mark.usefixtures("old")
def test_a_purge_whose_event_cannot_be_written_does_not_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "record", lambda **event: (_ for _ in ()).throw(IntegrityError("no")))

    with pytest.raises(IntegrityError):
        purge()
    assert Event.objects.filter(action="thing.done").count() == 10
    assert not Purge.objects.exists()


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE audit_purge SET note = replace(note, E'\\n5\\n', E'\\n4\\n') WHERE month = '2019-01-01'",
        "UPDATE audit_purge SET note = '' WHERE month = '2019-01-01'",
        "DELETE FROM audit_purge WHERE month = '2019-03-01'; UPDATE audit_purge SET month = '2019-03-01'",
    ],
)
@pytest.mark.usefixtures("old")
def test_a_forged_purge_is_found(forgery: str) -> None:
    purge()
    tamper(forgery)

    assert "purge_invalid" in found()


@pytest.mark.usefixtures("old")
def test_a_purge_signed_with_another_key_is_found() -> None:
    purge()
    note = Purge.objects.get(month=date(2019, 1, 1)).note
    forged = Signer("daybook", token_bytes(32)).sign(text_of(note))
    tamper("UPDATE audit_purge SET note = %s WHERE month = '2019-01-01'", parameters=[forged])

    assert found() == {"purge_invalid", "partition_dropped"}


@pytest.mark.usefixtures("old")
def test_a_purge_without_its_statement_is_found() -> None:
    purge()
    tamper("DELETE FROM audit_purge")

    report = verify(verifiers=verifiers())
    assert report.found == {"partition_dropped": 2}


@pytest.mark.usefixtures("old")
def test_an_event_put_back_into_a_purged_month_is_found() -> None:
    kept = Event.objects.filter(action="thing.done").values_list("pk", flat=True)[0]
    purge()
    tamper(f"""INSERT INTO audit_event (id, actor, request_id, address, action, object_type, object_id)
               VALUES ('{kept}', '', '', '', 'thing.undone', '', '')""")

    assert {"purge_invalid", "event_edited"} <= found()


@pytest.mark.django_db
def test_there_is_room_for_the_months_to_come() -> None:
    ensure_partitions()
    months = months_kept()
    this = datetime.now(UTC).date().replace(day=1)

    assert this in months
    assert len([month for month in months if month > this]) == retention.MONTHS_AHEAD
    ensure_partitions()
    assert months_kept() == months


@pytest.mark.django_db(transaction=True)
def test_while_somebody_seals_no_partition_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MONTHS_AHEAD", retention.MONTHS_AHEAD + 1)
    months = months_kept()
    with another_connection() as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
        ensure_partitions()

    assert months_kept() == months


@pytest.mark.django_db
def test_an_event_goes_to_the_partition_of_its_month(owner: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM audit_event")
        assert cursor.fetchall() == [(f"audit_event_{datetime.now(UTC):%Y_%m}",)]


@pytest.mark.django_db
def test_an_event_of_a_month_without_a_partition_is_kept_nevertheless() -> None:
    with connection.cursor() as cursor:
        cursor.execute(OLD.format(month="1999-01"))
        cursor.execute("SELECT count(*) FROM audit_event_other")
        assert cursor.fetchone() == (5,)


@pytest.mark.django_db(transaction=True)
def test_events_that_came_before_their_month_was_ready_move_into_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(OLD.format(month="1999-01"))
        cursor.execute(OLD.format(month="1999-02"))
        before = list(Event.objects.order_by("pk").values())
        seal()
        cursor.execute("SELECT audit_add_partition('1999-01-01')")
        cursor.execute("SELECT tableoid::regclass::text, count(*) FROM audit_event GROUP BY 1 ORDER BY 1")
        assert cursor.fetchall()[:2] == [("audit_event_1999_01", 5), ("audit_event_other", 5)]
    assert list(Event.objects.filter(action="thing.done").order_by("pk").values()) == before
    assert found() == set()
    with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_event_other")
    only_months_to_come()


@pytest.mark.usefixtures("old")
def test_a_purge_that_would_have_to_wait_is_put_off() -> None:
    """Whoever waits for the table's lock is waited for by every write."""
    with another_connection() as reader:
        reader.execute("SELECT count(*) FROM audit_event")
        with pytest.raises(OperationalError, match="lock timeout"):
            purge()
    assert purge() == ["2019-01", "2019-03"]


@pytest.mark.usefixtures("old")
def test_no_month_is_purged_beneath_a_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone after the snapshot would be neither there nor purged."""
    outcome: list[object] = []

    def attempt() -> None:
        try:
            outcome.append(purge())
        except OperationalError as exc:
            outcome.append(str(exc))
        finally:
            connections.close_all()

    def meanwhile() -> list[Difference]:
        thread = Thread(target=attempt)
        thread.start()
        thread.join()
        return differences()

    monkeypatch.setattr("audit.verification.differences", meanwhile)

    assert found() == set()
    assert "lock timeout" in str(outcome)


@pytest.mark.parametrize("verb", ["UPDATE {} SET actor = ''", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.usefixtures("old")
def test_a_partition_is_as_append_only_as_the_whole(verb: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format("audit_event_2019_01"))


@pytest.mark.django_db(transaction=True)
def test_what_a_clock_that_was_off_left_behind_gets_its_month_and_is_purged(settings: Settings) -> None:
    settings.AUDIT_RETENTION_DAYS = 365
    with connection.cursor() as cursor:
        cursor.execute(OLD.format(month="1999-01"))
    seal()

    assert purge() == []
    ensure_partitions()
    assert months_kept()[0] == date(1999, 1, 1)
    assert purge() == ["1999-01"]
    assert found() == set()
