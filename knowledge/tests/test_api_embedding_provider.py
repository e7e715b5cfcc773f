"""`/knowledge/embedding-provider`: staff see how it stands, and replace the key, which nobody sees."""

import logging
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.identity import acting_for
from accounts.models import User
from audit.models import Event
from knowledge import indexing, providers, services
from knowledge.embedding_errors import KeyExpiredError, KeyInvalidError, KeyMissingError, KeyUnreadableError
from knowledge.embeddings import LocalEmbedder, embed, embed_query, embedder
from knowledge.embeddings.probe import PROBE
from knowledge.encryption import decrypt
from knowledge.models import KnowledgeDoc, ProviderKey
from knowledge.tests import hugging_face as hf
from knowledge.tests.hugging_face import KEY, Answer, Double

ADDRESS = "/api/v1/knowledge/embedding-provider"
CHECK = f"{ADDRESS}/check"
PAGE = "/admin/knowledge/providerkey/"
OTHER_KEY = "hf_" + "QqWwEeRrTtYyUuIiOoPpAaSsDdFfGgHhJj"  # pragma: allowlist secret
NOTHING = {
    "source": None,
    "configured": False,
    "valid": None,
    "last_checked_at": None,
    "error": None,
    "set_at": None,
}
VERBS = [("get", ADDRESS), ("put", ADDRESS), ("delete", ADDRESS), ("post", CHECK)]


@pytest.fixture
def kept_key(provider: Double, staff: User) -> ProviderKey:
    """A key that was put in and works."""
    providers.set_key(text=KEY, user_id=staff.pk)
    return ProviderKey.objects.get()


def actions() -> list[str]:
    """What is on record of the provider, in order."""
    return list(Event.objects.filter(object_type="provider").order_by("pk").values_list("action", flat=True))


@pytest.mark.parametrize(("verb", "address"), VERBS)
def test_api_provider_is_for_staff(
    verb: str,
    address: str,
    owner_client: APIClient,
    peer_client: APIClient,
    stranger_client: APIClient,
    kept_key: ProviderKey,
) -> None:
    for client, status, code in (
        (owner_client, 403, "permission_denied"),
        (peer_client, 403, "permission_denied"),
        (stranger_client, 401, "not_authenticated"),
    ):
        answer = getattr(client, verb)(address, {"api_key": OTHER_KEY} if verb == "put" else None)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    after = ProviderKey.objects.get()
    assert (bytes(after.key or b""), after.last_checked_at) == (bytes(kept_key.key or b""), kept_key.last_checked_at)
    assert Event.objects.filter(action="provider.refused", outcome="denied").count() == 2


def test_api_provider_without_a_key_says_so(staff_client: APIClient, provider: Double) -> None:
    assert staff_client.get(ADDRESS).json() == {
        "provider": "huggingface",
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "dimensions": 384,
        "key": NOTHING,
    }


def test_api_provider_put_tries_the_key_and_stores_it(staff_client: APIClient, staff: User, provider: Double) -> None:
    answer = staff_client.put(ADDRESS, {"api_key": KEY})

    assert answer.status_code == 200
    told = answer.json()["key"]
    assert told == staff_client.get(ADDRESS).json()["key"]
    assert (told["source"], told["configured"], told["valid"], told["error"]) == ("stored", True, True, None)
    assert told["last_checked_at"] and told["set_at"]
    assert provider.asked == [[PROBE]]
    row = ProviderKey.objects.get()
    assert row.set_by == staff
    assert KEY.encode() not in bytes(row.key or b"") and decrypt(bytes(row.key or b"")) == KEY
    assert actions() == ["provider.created", "provider.key_set"]
    assert embed(["text"]).shape == (1, 384)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (hf.INVALID, "embedding_key_invalid"),
        (hf.EXPIRED, "embedding_key_expired"),
        (hf.FORBIDDEN, "embedding_forbidden"),
        (hf.NO_CREDIT, "embedding_credit_exhausted"),
    ],
)
def test_api_provider_put_a_key_that_is_refused_changes_nothing(
    refusal: Answer, code: str, staff_client: APIClient, provider: Double, kept_key: ProviderKey
) -> None:
    provider.next = [refusal]
    answer = staff_client.put(ADDRESS, {"api_key": OTHER_KEY})

    assert answer.status_code == 422
    assert [(error["location"], error["code"]) for error in answer.json()["errors"]] == [("body.api_key", code)]
    after = ProviderKey.objects.get()
    assert decrypt(bytes(after.key or b"")) == KEY and after.valid
    assert actions() == ["provider.created", "provider.key_set"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (hf.RATE_LIMITED, "embedding_rate_limited"),
        (hf.MODEL_LOADING, "embedding_overloaded"),
        (hf.GATEWAY_TIMEOUT, "embedding_timeout"),
        (Answer(drop=True), "embedding_unreachable"),
        (Answer(200, [[1.0]]), "embedding_wrong_dimension"),
        (Answer(200, [[1.0] * 384]), "embedding_other_model"),
    ],
)
def test_api_provider_put_a_key_that_cannot_be_tried_is_stored_as_not_known(
    answer: Answer, code: str, staff_client: APIClient, provider: Double
) -> None:
    provider.next = [answer]
    told = staff_client.put(ADDRESS, {"api_key": KEY})

    assert told.status_code == 200
    key = told.json()["key"]
    assert (key["source"], key["valid"], key["error"]["code"]) == ("stored", None, code)
    assert key["error"]["message"].endswith(".")


@pytest.mark.parametrize(
    "body", [{}, {"api_key": ""}, {"api_key": None}, {"api_key": 7}, {"api_key": "a b"}, {"api_key": "é"}, {"key": "x"},
             {"api_key": "x" * 201}]
)  # fmt: skip
def test_api_provider_put_what_is_no_key_is_not_sent(
    body: dict[str, Any], staff_client: APIClient, provider: Double
) -> None:
    assert staff_client.put(ADDRESS, body).status_code == 422
    assert provider.key_seen == ""


def test_api_provider_delete_removes_the_key(staff_client: APIClient, kept_key: ProviderKey) -> None:
    assert staff_client.delete(ADDRESS).status_code == 204
    assert staff_client.get(ADDRESS).json()["key"] == NOTHING
    assert actions()[2:] == ["provider.deleted", "provider.key_removed"]
    with pytest.raises(KeyMissingError):
        embed(["text"])

    assert staff_client.delete(ADDRESS).status_code == 204
    assert len(actions()) == 4


def test_api_provider_check_tells_what_became_of_the_key(
    staff_client: APIClient, provider: Double, kept_key: ProviderKey
) -> None:
    provider.next = [hf.EXPIRED]
    told = staff_client.post(CHECK)
    assert (told.status_code, told.json()["key"]["valid"]) == (200, False)
    assert told.json()["key"]["error"]["code"] == "embedding_key_expired"

    told = staff_client.post(CHECK)
    assert (told.json()["key"]["valid"], told.json()["key"]["error"]) == (True, None)
    assert actions().count("provider.checked") == 2


def test_api_provider_check_without_a_key_is_a_conflict(staff_client: APIClient, provider: Double) -> None:
    answer = staff_client.post(CHECK)
    assert (answer.status_code, answer.json()["code"]) == (409, "embedding_key_missing")


def test_api_provider_key_of_the_environment_rules(
    staff_client: APIClient, provider: Double, kept_key: ProviderKey, settings: Settings
) -> None:
    settings.HUGGING_FACE_API_KEY = OTHER_KEY
    provider.keys = {OTHER_KEY}
    providers.kept.forget()

    assert staff_client.get(ADDRESS).json()["key"] == NOTHING | {"source": "environment", "configured": True}
    for answer in (staff_client.put(ADDRESS, {"api_key": KEY}), staff_client.delete(ADDRESS)):
        assert (answer.status_code, answer.json()["code"]) == (409, "key_from_environment")
    told = staff_client.post(CHECK).json()["key"]
    assert (told["source"], told["valid"], told["set_at"]) == ("environment", True, None)
    assert embed(["text"]).shape == (1, 384)
    assert provider.key_seen == OTHER_KEY

    settings.HUGGING_FACE_API_KEY = None
    told = staff_client.get(ADDRESS).json()["key"]
    assert (told["source"], told["valid"]) == ("stored", None)


def test_a_key_that_another_process_stored_is_used_soon(
    provider: Double, kept_key: ProviderKey, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(["text"])
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(providers, "_start_afresh", lambda: None)
        provider.keys = {KEY, OTHER_KEY}
        providers.set_key(text=OTHER_KEY, user_id=staff.pk)
    embed(["text"])
    assert provider.key_seen == KEY

    monkeypatch.setattr(providers.kept, "_until", 0.0)
    embed(["text"])
    assert provider.key_seen == OTHER_KEY


def test_a_former_key_that_is_refused_says_nothing_of_the_present_one(
    provider: Double, kept_key: ProviderKey, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(["text"])
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(providers, "_start_afresh", lambda: None)
        provider.keys = {OTHER_KEY}
        providers.set_key(text=OTHER_KEY, user_id=staff.pk)

    with pytest.raises(KeyInvalidError):
        embed(["text"])
    assert providers.status().valid is True
    assert embed(["text"]).shape == (1, 384)


def test_a_key_that_is_refused_while_it_is_used_shows_in_the_status(
    provider: Double, kept_key: ProviderKey, owner: User, staff_client: APIClient
) -> None:
    provider.next = [hf.EXPIRED, hf.EXPIRED]
    with acting_for(owner.pk):
        for _ in range(2):
            with pytest.raises(KeyExpiredError):
                embed_query("Where does the elephant sleep?")

    told = staff_client.get(ADDRESS).json()["key"]
    assert (told["valid"], told["error"]["code"]) == (False, "embedding_key_expired")
    assert actions().count("provider.key_refused") == 1


def test_a_key_that_another_secret_encrypted_says_how_to_mend_it(
    provider: Double, kept_key: ProviderKey, staff_client: APIClient, settings: Settings
) -> None:
    former = settings.ENCRYPTION_KEYS[0]
    settings.ENCRYPTION_KEYS = ["another secret"]
    providers.kept.forget()

    with pytest.raises(KeyUnreadableError, match="ENCRYPTION_KEY_PREVIOUS"):
        embed(["text"])
    told = staff_client.get(ADDRESS).json()["key"]
    assert (told["source"], told["valid"], told["error"]["code"]) == ("stored", False, "embedding_key_unreadable")
    assert staff_client.post(CHECK).json()["code"] == "embedding_key_unreadable"

    settings.ENCRYPTION_KEYS = ["another secret", former]
    assert staff_client.post(CHECK).json()["key"]["valid"] is True
    # The check encrypted it anew: the former secret isn't needed any more.
    settings.ENCRYPTION_KEYS = ["another secret"]
    providers.kept.forget()
    assert embed(["text"]).shape == (1, 384)


def test_documents_that_could_not_be_embedded_are_put_back_by_a_valid_key(
    provider: Double, staff_client: APIClient, owner: User, peer: User
) -> None:
    def document(user: User, title: str, **fields: Any) -> KnowledgeDoc:
        made = services.create_document(owner_id=user.pk, title=title, content=f"About {title}.")
        KnowledgeDoc.objects.filter(pk=made.pk).update(**fields)
        return made

    def failed(code: str) -> dict[str, Any]:
        return {"status": "failed", "last_error": {"code": code, "message": "x"}}

    waiting = [
        document(owner, "Zoo", **failed("embedding_key_missing")),
        document(peer, "Lease", **failed("embedding_timeout")),
    ]
    others = [
        document(owner, "Book", **failed("indexing_failed")),
        document(owner, "Done", status="completed"),
        document(owner, "Gone", **failed("embedding_timeout"), trashed_at="2026-01-01T00:00:00Z"),
    ]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")

    assert staff_client.put(ADDRESS, {"api_key": KEY}).status_code == 200

    back = KnowledgeDoc.objects.filter(status="in_progress", last_error__isnull=True, revision=2)
    assert {each.pk for each in back} == {each.pk for each in waiting}
    assert KnowledgeDoc.objects.filter(pk__in=[each.pk for each in others], revision=1).count() == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT args ->> 'document_id' FROM procrastinate_jobs")
        assert {row[0] for row in cursor.fetchall()} == {str(each.pk) for each in waiting}


def test_the_key_is_nowhere_but_encrypted(
    provider: Double, staff_client: APIClient, staff_browser: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = Answer(401, {"error": f"Bad token {KEY}"}, {"X-Error-Message": KEY})
    provider.next = [echo, echo]
    answers = [
        staff_client.put(ADDRESS, {"api_key": KEY}),
        staff_browser.post(PAGE, {"api_key": KEY, "set": ""}, follow=True),
        staff_client.put(ADDRESS, {"api_key": KEY, "other": 1}),
        staff_client.put(ADDRESS, {"api_key": f"{KEY} {KEY}"}),
        staff_browser.post(PAGE, {"api_key": f"{KEY} {KEY}", "set": ""}),
        staff_client.put(ADDRESS, {"api_key": KEY}),
        staff_client.get(ADDRESS),
        staff_client.post(CHECK),
        staff_browser.post(PAGE, {"api_key": KEY, "set": ""}, follow=True),
        staff_browser.get(PAGE),
        staff_browser.get("/admin/audit/event/"),
        staff_client.get("/api/v1/audit/events"),
        staff_client.get("/api/v1/openapi.json"),
    ]

    texts = [answer.content.decode() + str(answer.headers) for answer in answers]
    texts += [str(record.__dict__) for record in caplog.records] + [caplog.text]
    texts += [repr(providers.present_key()), repr(vars(providers.kept)), repr(providers.status())]
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM \"{table}\" AS t")
            texts.append(cursor.fetchone()[0])
    assert provider.key_seen == KEY
    # As it is, and as PostgreSQL shows bytes.
    assert [text for text in texts if KEY in text or KEY.encode().hex() in text] == []


def test_the_role_of_requests_has_no_right_on_the_table(kept_key: ProviderKey) -> None:
    with connection.cursor() as cursor:
        for role in ("daybook_app", "daybook_auditor"):
            cursor.execute(
                "SELECT has_table_privilege(%s, 'knowledge_providerkey', 'SELECT, INSERT, UPDATE, DELETE')", [role]
            )
            assert cursor.fetchone() == (False,)


def test_documents_and_queries_are_embedded_by_the_provider_and_without_it_words_are_found(
    provider: Double, kept_key: ProviderKey, owner: User, owner_client: APIClient
) -> None:
    document = services.create_document(owner_id=owner.pk, title="Zoo", content="The elephant sleeps in the blue tent.")
    indexing.index(owner_id=owner.pk, document_id=document.pk)
    assert provider.asked == [[PROBE], ["Zoo\nThe elephant sleeps in the blue tent."]]

    query = {"query": "Where does the pachyderm rest?", "mode": "semantic"}
    for _ in range(2):
        hits = owner_client.post("/api/v1/knowledge/search", query).json()["results"]
        assert hits[0]["document_id"] == str(document.pk)
    assert provider.asked[2:] == [["Where does the pachyderm rest?"]]

    provider.always = hf.UNAVAILABLE
    answer = owner_client.post("/api/v1/knowledge/search", {"query": "a blue tent"})
    assert answer.status_code == 200
    assert answer.json()["results"][0]["document_id"] == str(document.pk)


def test_passages_embedded_by_either_are_of_one_model(provider: Double, kept_key: ProviderKey) -> None:
    assert embedder().name == "huggingface"
    assert embedder().model_revision == LocalEmbedder().model_revision
