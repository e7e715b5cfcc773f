"""GET /api/v1/audit/checkpoints/latest and /api/v1/audit/checkpoints/{size}."""

from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from accounts.models import User
from audit.keys import signer
from audit.models import Checkpoint, Event
from audit.sealing import seal
from audit.tests.conftest import SIZE
from audit.tests.test_verify_script import Desk
from conftest import SignIn

URL = "/api/v1/audit/checkpoints"
LATEST = f"{URL}/latest"
SIZES = [6, 11, SIZE]


@pytest.fixture
def client_of_somebody(history: User, sign_in: SignIn) -> APIClient:
    """Of the user with a history; whatever their events are, none of them shows here."""
    return sign_in(history)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_api_checkpoints_latest_before_the_first_sealing_is_404(owner_client: APIClient) -> None:
    for query in ("", "?since=0"):
        response = owner_client.get(f"{LATEST}{query}")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")

    assert Event.objects.filter(action="checkpoint.refused").count() == 2


def test_api_checkpoints_latest_says_what_was_sealed_by_which_key(client_of_somebody: APIClient) -> None:
    answer = client_of_somebody.get(LATEST).json()

    note = Checkpoint.objects.get(size=SIZE).note
    assert (answer["origin"], answer["size"], answer["note"]) == ("daybook", SIZE, note)
    assert note.startswith(f"daybook\n{SIZE}\n{answer['root_hash']}\nsealed {answer['sealed_at']}\n")
    assert answer["key"] == signer().verifier.vkey
    assert "consistency" not in answer


@pytest.mark.parametrize("since", SIZES)
def test_api_checkpoints_latest_proves_to_a_third_party_that_the_record_has_only_grown(
    since: int, client_of_somebody: APIClient, desk: Desk
) -> None:
    old = client_of_somebody.get(f"{URL}/{since}").json()["note"]
    latest = client_of_somebody.get(f"{LATEST}?since={since}").json()

    files = [desk.put("old.txt", old), desk.put("new.json", latest)]
    code, words = desk.run("checkpoints", *files, "--key", latest["key"])

    assert code == 0, words
    assert f"begins with the same {since} events" in words


def test_api_checkpoints_latest_since_the_proof_is_of_that_size_and_no_other(
    client_of_somebody: APIClient, desk: Desk
) -> None:
    old = client_of_somebody.get(f"{URL}/6").json()["note"]
    latest = client_of_somebody.get(f"{LATEST}?since=11").json()

    files = [desk.put("old.txt", old), desk.put("new.json", latest)]

    assert desk.run("checkpoints", *files, "--key", latest["key"])[0] == 1


@pytest.mark.parametrize("since", [0, SIZE])
def test_api_checkpoints_latest_since_nothing_or_now_needs_no_proof(since: int, client_of_somebody: APIClient) -> None:
    assert client_of_somebody.get(f"{LATEST}?since={since}").json()["consistency"] == []


@pytest.mark.parametrize("since", [SIZE + 1, -1, "x", "1.0", "%2B1", "1e1", "٣", "9" * 18, "9" * 5000])
def test_api_checkpoints_latest_since_what_is_no_size_of_the_tree_is_422(
    since: object, client_of_somebody: APIClient
) -> None:
    response = client_of_somebody.get(f"{LATEST}?since={since}")

    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert (error["location"], error["message"]) == ("query.since", f"A size from 0 to {SIZE}.")


@pytest.mark.parametrize("size", SIZES)
def test_api_checkpoints_retrieve_an_older_one(size: int, client_of_somebody: APIClient) -> None:
    answer = client_of_somebody.get(f"{URL}/{size}").json()

    assert (answer["size"], answer["note"]) == (size, Checkpoint.objects.get(size=size).note)


@pytest.mark.parametrize("size", [0, 7, SIZE + 1, 10**18, 10**30, "9" * 5000, "-1", "x"])
def test_api_checkpoints_retrieve_what_was_never_sealed_is_404(size: object, client_of_somebody: APIClient) -> None:
    assert client_of_somebody.get(f"{URL}/{size}").status_code == 404


def test_api_checkpoints_say_the_same_to_everybody_who_is_signed_in(history: User, peer: User, sign_in: SignIn) -> None:
    staff = User.objects.create_user("staff@example.com", is_staff=True)

    for path in (f"{LATEST}?since=6", f"{URL}/6"):
        answers = [sign_in(user).get(path) for user in (history, peer, staff)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.content for answer in answers}) == 1


def test_api_checkpoints_name_the_key_that_was_in_use(client_of_somebody: APIClient, settings: Settings) -> None:
    old = signer().verifier.vkey
    settings.AUDIT_SIGNING_KEY = urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    assert client_of_somebody.get(f"{URL}/6").json()["key"] == ""

    settings.AUDIT_TRUSTED_KEYS = (old,)
    seal()

    assert client_of_somebody.get(f"{URL}/6").json()["key"] == old
    assert client_of_somebody.get(LATEST).json()["key"] == signer().verifier.vkey != old


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 3])
def test_api_checkpoints_cost_the_same_statements_however_many_there_are(
    count: int, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        User.objects.create_user(f"user{number}@example.com")
        seal()
    size = Checkpoint.objects.count() + 2  # the owner and their session

    with django_assert_num_queries(1):  # checkpoint
        assert owner_client.get(LATEST).json()["size"] == size
    with django_assert_num_queries(1):  # checkpoint
        assert owner_client.get(f"{URL}/{size}").status_code == 200
    with django_assert_num_queries(2):  # checkpoint, hashes
        assert owner_client.get(f"{LATEST}?since=2").json()["consistency"] != []


@pytest.mark.parametrize("path", [f"{LATEST}?limit=1", f"{LATEST}?since=0&since=1", f"{URL}/6?since=1"])
def test_api_checkpoints_take_no_other_parameters(path: str, client_of_somebody: APIClient) -> None:
    assert client_of_somebody.get(path).status_code == 422


@pytest.mark.parametrize("path", [LATEST, f"{URL}/6"])
def test_api_checkpoints_cannot_be_written(path: str, client_of_somebody: APIClient) -> None:
    assert [getattr(client_of_somebody, verb)(path).status_code for verb in ("post", "put", "delete")] == [405] * 3


@pytest.mark.parametrize("path", [LATEST, f"{LATEST}?since=0", f"{URL}/6", f"{URL}/7"])
def test_api_checkpoints_stranger_gets_401(path: str, history: User, stranger_client: APIClient) -> None:
    assert stranger_client.get(path).status_code == 401
