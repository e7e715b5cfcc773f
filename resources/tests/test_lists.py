"""Listings by themselves. As the tables' owner, so that nothing but their own conditions keeps people apart."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.identity import acting_for
from accounts.models import User
from resources.lists import Filter, Listing, Sort, compared, either
from tasks.models import Label, Task
from tasks.rows import LABELS, TASK_LIST
from web.errors import InvalidParameter
from web.kinds import BOOLEAN, text

# Of no columns but the name, so that what is said here isn't about tasks.
LISTING = Listing(
    rows=LABELS,
    filters={
        "name": Filter(text(60), compared("name = %s")),
        "short": Filter(BOOLEAN, either("length(name) < 3", "length(name) >= 3")),
        "hidden": Filter(BOOLEAN, either("name LIKE '.%%'", "name NOT LIKE '.%%'")),
    },
    sorts={
        "name": Sort("name", "name", text(60), unique=True),
        "long": Sort("length(name)", "length(name)::text", text(9)),
    },
    default_sort="name",
    always={"hidden": "name NOT LIKE '.%%'"},
)


@pytest.fixture
def labels(owner: User, peer: User) -> None:
    for user, names in ((owner, ["a", "bb", "ccc", "dddd", ".x", ".yyy"]), (peer, ["a", "theirs"])):
        Label.objects.bulk_create(Label(owner=user, name=name) for name in names)


def page(owner: User, query: str = "", *, counted: bool = False) -> tuple[list[str], str | None, int | None]:
    body = json.loads(LISTING.page(owner.pk, QueryDict(query), counted=counted))
    return [label["name"] for label in body["results"]], body["next"], body.get("count")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["a", "bb", "ccc", "dddd"]),
        ("sort=-name", ["dddd", "ccc", "bb", "a"]),
        ("name=a", ["a"]),
        ("name=theirs", []),
        ("short=true", ["a", "bb"]),
        ("short=false", ["ccc", "dddd"]),
        ("short=true&name=bb", ["bb"]),
        ("hidden=true", [".x", ".yyy"]),
        ("hidden=true&short=true", [".x"]),
        ("hidden=false", ["a", "bb", "ccc", "dddd"]),
        ("name=.x", []),
    ],
)
def test_a_list_is_of_ones_own_that_meet_the_conditions(
    query: str, names: list[str], labels: None, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert page(owner, query) == (names, None, None)
    with django_assert_num_queries(1):
        assert page(owner, query, counted=True) == (names, None, len(names))


def test_the_second_wall_stands_where_the_owner_is_right_but_not_the_identity(
    labels: None, owner: User, peer: User
) -> None:
    with acting_for(peer.pk):
        assert page(owner, counted=True) == ([], None, 0)


def test_a_page_is_the_smaller_of_limit_and_rest(labels: None, owner: User) -> None:
    first, cursor, count = page(owner, "limit=3", counted=True)
    second = page(owner, f"limit=3&cursor={cursor}", counted=True)

    assert (first, count) == (["a", "bb", "ccc"], 4)
    assert second == (["dddd"], None, 4)
    assert page(owner, "limit=4") == (["a", "bb", "ccc", "dddd"], None, None)


def test_fifty_are_a_page_unless_more_or_fewer_are_asked_for(owner: User) -> None:
    Label.objects.bulk_create(Label(owner=owner, name=f"{number:03}") for number in range(101))

    for query, size in (("", 50), ("limit=100", 100), ("limit=1", 1)):
        names, cursor, _ = page(owner, query)
        assert (len(names), cursor is None) == (size, False)


def test_a_cursor_holds_the_order_the_key_and_the_id_of_the_last(labels: None, owner: User) -> None:
    _, cursor, _ = page(owner, "sort=-long&limit=2")

    assert cursor is not None
    last = Label.objects.get(owner=owner, name="ccc")
    assert json.loads(urlsafe_b64decode(f"{cursor}===")) == ["-long", "3", last.pk.hex]


@pytest.mark.parametrize("sort", ["", "-", "names", "--name", "name,long", "Name", "id", "name "])
def test_an_order_that_there_is_not_is_refused(sort: str) -> None:
    with pytest.raises(InvalidParameter, match="name, long"):
        LISTING.page(None, QueryDict(mutable=True) | {"sort": sort})  # type: ignore[arg-type]


def test_what_is_not_a_filter_is_not_looked_at(labels: None, owner: User) -> None:
    """Whether there is such a parameter the view has asked before."""
    assert page(owner, "fields=name&unknown=1")[0] == ["a", "bb", "ccc", "dddd"]


def test_an_export_takes_the_same_conditions(labels: None, owner: User) -> None:
    where, params = LISTING.conditions(owner.pk, QueryDict("short=true&name=bb"))

    assert where == "owner_id = %s AND name NOT LIKE '.%%' AND length(name) < 3 AND name = %s"
    assert params == [owner.pk, "bb"]


@given(st.text(min_size=1) | st.binary().map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_garbage_for_a_cursor_is_refused(cursor: str) -> None:
    query = QueryDict(mutable=True)
    query["cursor"] = cursor
    with pytest.raises(InvalidParameter, match="cursor"):
        TASK_LIST.page(None, query)  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50).filter(str.strip))
def test_any_text_is_a_cursors_key(name: str) -> None:
    listing = Listing(rows=LABELS, filters={}, sorts=LISTING.sorts, default_sort="name", always={})
    text_ = json.dumps(["name", name, "0" * 32]).encode()
    cursor = urlsafe_b64encode(text_).decode().rstrip("=")

    assert listing._start(cursor, LISTING.sorts["name"], False) == (" AND name > %s", [name])


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1e1", "٣", "²", "1" * 5000, " 1", "1 ", "one"])
def test_a_limit_out_of_bounds_is_refused(limit: str) -> None:
    query = QueryDict(mutable=True)
    query["limit"] = limit
    with pytest.raises(InvalidParameter, match="from 1 to 100"):
        LISTING.page(None, query)  # type: ignore[arg-type]


def test_tasks_have_a_place_in_every_order(owner: User) -> None:
    """No key of an order is ever null, or its rows would be on no page."""
    columns: set[Any] = {Task._meta.get_field(sort.column) for sort in TASK_LIST.sorts.values()}

    assert not any(column.null for column in columns)
