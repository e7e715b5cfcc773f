"""The admin's page on the record: its seal, how far back it goes, what has been going on."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit import activity, sealing
from audit.activity import PERIODS
from audit.ids import first_id
from audit.keys import signer
from audit.models import Checkpoint, Event, Purge
from audit.note import Signer
from audit.sealing import seal
from audit.seals import Seal, Window

URL = "/admin/audit/event/activity/"
NOW = datetime(2026, 3, 18, 15, 42, 7, tzinfo=UTC)


def happened(when: datetime, action: str = "task.created") -> UUID:
    """An event of another time, as only the tables' owner can write it."""
    event_id = UUID(int=first_id(when).int | 7 << 76 | 2 << 62 | uuid4().int % 2**62)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (id, occurred_at, actor, request_id, address, action, object_type, object_id) "
            "VALUES (%s, %s, 'somebody', '', '', %s, 'task', '')",
            [event_id, when, action],
        )
    return event_id


def checkpoint(size: int, window: Window, key: Signer) -> Checkpoint:
    text = Seal.make(key.verifier.name, size, bytes(32), window).checkpoint.text()
    return Checkpoint.objects.create(size=size, note=key.sign(text))


def page(client: Client, **query: str) -> str:
    response = client.get(URL, query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_before_the_first_sealing_the_page_says_so(staff_browser: Client) -> None:
    said = page(staff_browser)

    assert "No checkpoint yet." in said
    assert "Last checkpoint" not in said
    assert signer().verifier.vkey in said.replace("&#x2B;", "+")


def test_what_is_sealed_is_told_with_the_checkpoint_to_copy(staff_browser: Client) -> None:
    count = Event.objects.count()
    seal()

    response = staff_browser.get(URL)

    state = response.context["state"]
    assert (state.word, state.unsealed, state.seal.checkpoint.size) == ("sealed", 0, count)
    said = response.content.decode()
    assert "0 events" in said
    assert f"{count} events" in said
    note = Checkpoint.objects.get().note
    assert note.splitlines()[2] == state.root
    assert f'<pre tabindex="0">{note}</pre>' in said.replace("&#x27;", "'")


def test_an_event_that_waits_for_the_next_round_is_no_cause_for_concern(owner: User, staff_browser: Client) -> None:
    seal()
    happened(datetime.now(UTC) - timedelta(seconds=50))

    said = page(staff_browser)

    assert "Sealed." in said
    assert re.search(r"1 event, the oldest for 5\d s", said)


def test_an_event_that_waits_for_too_long_is(owner: User, staff_browser: Client) -> None:
    seal()
    happened(datetime.now(UTC) - timedelta(minutes=10))
    happened(datetime.now(UTC) - timedelta(minutes=5))

    said = page(staff_browser)

    assert "Behind." in said
    assert "2 events, the oldest for 10\xa0minutes".replace("\xa0", " ") in said.replace("\xa0", " ")


def test_what_waits_is_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch, owner: User, peer: User) -> None:
    monkeypatch.setattr(activity, "MANY", 1)

    state = activity.seal_state()

    assert (state.unsealed, state.waiting) == (2, "more than 1")


def test_a_checkpoint_by_an_unknown_key_is_not_to_be_trusted(owner: User, staff_browser: Client) -> None:
    checkpoint(10**6, Window(datetime.now(UTC), 1, 1, "x"), Signer("daybook", bytes(32)))

    said = page(staff_browser)

    assert "Not to be trusted." in said
    assert "which is no known key" in said
    assert "Waiting to be sealed" not in said


def test_a_restored_record_is_counted_from_its_beginning(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "window", lambda: Window(datetime.now(UTC), 2**62, 2**62, "elsewhere"))
        seal()
    assert activity.seal_state().unsealed == 0
    happened(datetime.now(UTC))

    assert activity.seal_state().unsealed == 1


def test_a_tree_that_is_not_the_sealed_one_is_not_to_be_trusted(owner: User, staff_browser: Client) -> None:
    checkpoint(10**6, sealing.window(), signer())

    assert "The stored tree is incomplete" in page(staff_browser)


def test_events_of_an_older_cluster_are_not_taken_for_new_ones(owner: User) -> None:
    seal()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (transaction_id, actor, request_id, address, action, object_type, object_id) "
            "VALUES ('9000000000000', 'somebody', '', '', 'task.created', 'task', '')"
        )

    assert activity.seal_state().unsealed == 0


@pytest.mark.parametrize(
    ("key", "steps", "first", "last"),
    [
        ("24h", 24, datetime(2026, 3, 17, 16, tzinfo=UTC), datetime(2026, 3, 18, 15, tzinfo=UTC)),
        ("7d", 28, datetime(2026, 3, 11, 18, tzinfo=UTC), datetime(2026, 3, 18, 12, tzinfo=UTC)),
        ("30d", 30, datetime(2026, 2, 17, tzinfo=UTC), datetime(2026, 3, 18, tzinfo=UTC)),
    ],
)
@pytest.mark.django_db
def test_events_are_counted_in_the_step_that_they_happened_in(
    key: str, steps: int, first: datetime, last: datetime
) -> None:
    period = PERIODS[key]
    starts = period.starts(NOW)
    assert (len(starts), starts[0], starts[-1]) == (steps, first, last)
    for when in (first, first + period.step - timedelta(milliseconds=1), last, NOW):
        happened(when)
    happened(first + period.step, "task.read")
    happened(first - timedelta(milliseconds=1))
    happened(last + period.step)

    counts = activity.activity(period, starts)

    assert counts == {
        "task.created": [2, *[0] * (steps - 2), 2],
        "task.read": [0, 1, *[0] * (steps - 2)],
    }


def test_labels_stand_where_a_day_or_some_hours_begin() -> None:
    labels = {
        key: [label for start in period.starts(NOW) if (label := period.label(start))]
        for key, period in PERIODS.items()
    }

    assert labels["24h"] == ["18:00", "21:00", "00:00", "03:00", "06:00", "09:00", "12:00", "15:00"]
    assert labels["7d"][0] == "Thu 12 Mar" and len(labels["7d"]) == 7
    assert len(labels["30d"]) == 6


def test_the_histogram_shows_who_cannot_see_it_the_same_figures(staff_browser: Client) -> None:
    for number, action in enumerate("abcdefgh", start=1):
        for _ in range(number):
            happened(datetime.now(UTC), f"thing.{action}")

    said = page(staff_browser, period="7d")

    assert 'role="img" aria-labelledby="chart-title chart-description"' in said
    assert ">Events in the last 7 days, by action</title>" in said
    assert "8 thing.h, 7 thing.g, 6 thing.f, 5 thing.e, 4 thing.d, 3 thing.c, " in said
    assert '<a href="/admin/audit/event/?action=thing.h&amp;period=7d">thing.h</a>' in said
    assert '<th scope="col">other actions</th><th scope="col">all</th>' in said
    assert said.count('<tr><th scope="row">20') == 28
    assert "<td>8</td><td>7</td><td>6</td>" in said


@pytest.mark.django_db
def test_where_nothing_happened_there_is_no_histogram(monkeypatch: pytest.MonkeyPatch, staff_browser: Client) -> None:
    monkeypatch.setattr(activity, "activity", lambda period, starts: {})

    assert "Nothing happened in the last 24 hours." in page(staff_browser)


def test_a_period_that_there_is_not_is_refused(staff_browser: Client) -> None:
    assert staff_browser.get(URL, {"period": "1y"}).status_code == 400


def test_the_months_that_are_kept_and_gone_are_told(staff_browser: Client) -> None:
    happened(datetime(2025, 11, 5, tzinfo=UTC))
    for month in (10, 9):
        Purge.objects.create(month=date(2025, month, 1), note="")

    said = page(staff_browser)

    assert "<dt>Oldest month kept</dt> <dd>2025-11</dd>" in said
    assert "<dt>Purged months</dt> <dd>2025-09, 2025-10</dd>" in said


@pytest.mark.django_db
def test_an_empty_record_has_no_oldest_month() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event RENAME TO audit_event_full")
        cursor.execute("CREATE TABLE audit_event (LIKE audit_event_full)")

    assert activity.retention() == activity.Retention(None, [])


def test_the_page_is_for_who_may_see_events(temp_client: Client) -> None:
    assert temp_client.get(URL).status_code == 403
    assert "Seal and activity" not in temp_client.get("/admin/").content.decode()

    temp = User.objects.get(email="temp@example.com")
    temp.user_permissions.add(Permission.objects.get(codename="view_event"))

    assert temp_client.get(URL).status_code == 200
    assert URL in temp_client.get("/admin/").content.decode()
    assert URL in temp_client.get("/admin/audit/event/").content.decode()


def test_the_page_is_for_staff(owner: User, client: Client) -> None:
    assert client.get(URL).status_code == 302
    client.force_login(owner)
    assert client.get(URL).status_code == 302


def test_the_page_costs_ten_statements_however_much_happened(owner: User, staff_browser: Client) -> None:
    seal()
    with CaptureQueriesContext(connection) as few:
        staff_browser.get(URL)
    for number in range(30):
        happened(datetime.now(UTC) - timedelta(hours=number), f"thing.{number}")
    with CaptureQueriesContext(connection) as many:
        staff_browser.get(URL)

    # Session, user, checkpoint, horizon, unsealed, oldest, purges, activity.
    assert len(few) == len(many) == 10


@pytest.mark.django_db
def test_the_activity_of_an_hour_reads_no_month_before() -> None:
    arguments = [timedelta(hours=1), NOW, first_id(datetime.now(UTC)), first_id(datetime.now(UTC) + timedelta(hours=1))]
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_add_partition('2020-01-01')")
        cursor.execute(f"EXPLAIN {activity.ACTIVITY}", arguments)
        plan = " ".join(line for (line,) in cursor.fetchall())

    assert "audit_event_2020_01" not in plan
    assert f"audit_event_{datetime.now(UTC):%Y_%m}" in plan


def test_nothing_stands_in_the_page_that_a_strict_policy_would_refuse(staff_browser: Client) -> None:
    happened(datetime.now(UTC))
    seal()

    said = page(staff_browser)

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", said)
    assert 'href="/static/audit/record.css"' in said
