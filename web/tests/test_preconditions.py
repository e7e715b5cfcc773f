"""Conditional requests: RFC 9110, section 13, as far as it is asked for here."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from web.preconditions import PreconditionFailed, entity_tag, expected_versions, must_differ, must_exist, not_modified


def request(**headers: str) -> Request:
    return Request(APIRequestFactory().get("/", headers={name.replace("_", "-"): headers[name] for name in headers}))


@pytest.mark.parametrize(
    ("given_", "versions"),
    [
        ("*", None),
        (" * ", None),
        ('"1"', [1]),
        ('"1","2"', [1, 2]),
        ('"1" ,\t"2" ', [1, 2]),
        ('W/"1"', []),
        ('W/"1", "2"', [2]),
        ('"999999999"', [999_999_999]),
        *((tag, []) for tag in ('"0"', '"01"', '"-1"', '"1.0"', '"x"', '""', '"1000000000"', '"*"', '"\xe9"', '"1,2"')),
    ],
)
def test_if_match_names_the_versions_that_may_be_changed(given_: str, versions: list[int] | None) -> None:
    assert expected_versions(request(If_Match=given_)) == versions


def test_without_if_match_any_version_may_be_changed() -> None:
    assert expected_versions(request()) is None


MALFORMED = [
    "",
    " ",
    "1",
    '"1',
    '1"',
    "'1'",
    '"1" "2"',
    ",",
    'w/"1"',
    'W "1"',
    '"a b"',
    "**",
    '*, "1"',
]


@pytest.mark.parametrize("given_", MALFORMED)
def test_what_is_no_list_of_tags_is_refused(given_: str) -> None:
    with pytest.raises(ParseError, match="If-Match"):
        expected_versions(request(If_Match=given_))
    with pytest.raises(ParseError, match="If-None-Match"):
        not_modified(request(If_None_Match=given_), 1)


@pytest.mark.parametrize("given_", ["*", '"1"', 'W/"1"', '"2", "1"', 'W/"2" , W/"1"'])
def test_if_none_match_is_304_for_what_the_client_has(given_: str) -> None:
    response = not_modified(request(If_None_Match=given_), 1)

    assert response is not None
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", '"1"')


@pytest.mark.parametrize("given_", ['"2"', '"11"', '"01"', '""', 'W/"2", "3"', '"W/1"'])
def test_if_none_match_is_nothing_for_what_the_client_does_not_have(given_: str) -> None:
    assert not_modified(request(If_None_Match=given_), 1) is None


def test_without_if_none_match_nothing_is_known_to_the_client() -> None:
    assert not_modified(request(), 1) is None


@pytest.mark.parametrize("value", ["*", '"1"', ""])
def test_whoever_sends_a_condition_has_one(value: str) -> None:
    assert must_exist(request(If_Match=value)) is must_differ(request(If_None_Match=value)) is True
    assert must_exist(request(If_None_Match=value)) is must_differ(request(If_Match=value)) is False


@pytest.mark.parametrize("value", [',"1"', '"1",', '"2",,"1"', ' , "2" , , "1" ,'])
def test_empty_members_of_a_list_are_passed_over(value: str) -> None:
    assert not_modified(request(If_None_Match=value), 1) is not None
    assert 1 in (expected_versions(request(If_Match=value)) or [])


TAGS = st.text(st.characters(codec="latin-1", min_codepoint=0x21, exclude_characters='"\x7f'), max_size=5)
LISTS = st.lists(st.tuples(st.booleans(), TAGS | st.integers(0, 10**10).map(str)), min_size=1, max_size=5)
BLANKS = st.sampled_from(["", " ", "\t", "  "])


def is_version(tag: str) -> bool:
    return tag.isascii() and tag.isdigit() and not tag.startswith("0") and len(tag) < 10


@given(tags=LISTS, before=BLANKS, after=BLANKS)
def test_any_list_of_tags_is_read(tags: list[tuple[bool, str]], before: str, after: str) -> None:
    header = f"{after},{before}".join(f'{"W/" * weak}"{tag}"' for weak, tag in tags)
    its: Any = request(If_Match=header, If_None_Match=header)

    assert expected_versions(its) == [int(tag) for weak, tag in tags if not weak and is_version(tag)]
    assert (not_modified(its, 1) is not None) == ("1" in [tag for _, tag in tags])


@given(st.text(st.sampled_from('W/"*1, \t\\x'), max_size=12))
def test_anything_else_is_refused_or_read(header: str) -> None:
    for read in (
        lambda: expected_versions(request(If_Match=header)),
        lambda: not_modified(request(If_None_Match=header), 1),
    ):
        try:
            read()
        except ParseError:
            assert header.strip() != "*"


def test_a_long_header_is_read_in_no_time() -> None:
    """No backtracking: the expression looks at each character once."""
    with pytest.raises(ParseError):
        expected_versions(request(If_Match='"1"' + " " * 50_000 + "x"))
    with pytest.raises(ParseError):
        expected_versions(request(If_Match=" " * 50_000))


def test_a_failed_precondition_says_which_version_there_is() -> None:
    assert entity_tag(7) == '"7"'
    assert PreconditionFailed(7).headers == {"ETag": '"7"'}
    assert PreconditionFailed(7).status_code == 412
    assert not hasattr(PreconditionFailed(), "headers")
