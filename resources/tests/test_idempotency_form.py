"""What is a key, and what isn't."""

import pytest
from rest_framework.exceptions import ParseError
from rest_framework.test import APIClient

from resources.idempotency import read_key
from resources.tests.keys import KEY, post, refusal, said
from tasks.models import Task


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("a", "a"),
        ("!~", "!~"),
        ("k" * 255, "k" * 255),
        ('a"b\\', 'a"b\\'),
        ('"a"', "a"),
        ('"a b"', "a b"),
        (r'"\"\\"', '"\\'),
        (f'"{"k" * 255}"', "k" * 255),
        (f'"{chr(92) * 510}"', "\\" * 255),
    ],
)
def test_read_key_of_either_form(given: str, key: str) -> None:
    assert read_key(given) == key


@pytest.mark.parametrize(
    "given",
    [
        *("", " ", "a b", "k" * 256, "\x7f", "a\x00", "a\n", "ä", "\u0661"),
        *('"', '""', '"a', '"a"b"', r'"\a"', '"a\\"', '"a";p=1', '"ä"', f'"{"k" * 256}"', '"a"\n'),
    ],
)
def test_read_key_of_anything_else_is_refused(given: str) -> None:
    with pytest.raises(ParseError, match="visible ASCII"):
        read_key(given)


def test_api_idempotency_malformed_key_is_400_and_nothing_is_done(owner_client: APIClient) -> None:
    for given in ("", "k" * 256, '"open'):
        assert refusal(post(owner_client, key=given)) == (400, "parse_error")
    assert not Task.objects.exists()


def test_api_idempotency_key_in_quotes_is_the_same_key(owner_client: APIClient) -> None:
    first = post(owner_client, key=KEY)

    assert said(post(owner_client, key=f'"{KEY}"')) == said(first)
