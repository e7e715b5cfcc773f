"""Masked values: what the record keeps of them, who can prove what they were, and what erasure leaves."""

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.identity import AUDITOR_ROLE, NOBODY, SYSTEM, Identity, acting, acting_for
from accounts.models import User
from audit.leaves import COLUMNS, hash_of
from audit.models import Event, SaltKey
from audit.sealing import seal
from audit.services import record
from audit.tests.tampering import found
from knowledge.models import KnowledgeDoc
from tasks.models import Task

BEFORE, AFTER = 0, 1


def salts_of(event: Event, asking: Identity) -> dict[str, list[str | None]]:
    with acting(asking), connection.cursor() as cursor:
        cursor.execute("SELECT audit_salts_of(%s)", [event.pk])
        salts: dict[str, list[str | None]] = json.loads(cursor.fetchone()[0])
    return salts


def user(account: User) -> Identity:
    return Identity(confined=True, user_id=account.pk)


def proves(event: Event, field: str, side: int, value: str, salts: dict[str, Any]) -> bool:
    """Whether salt and value make the commitment, as anybody can find out."""
    digest = sha256(b64decode(salts[field][side]) + value.encode()).digest()
    return bool(b64encode(digest).decode() == event.commitments[field][side])


def leaf_hash(event: Event) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM audit_event AS event WHERE id = %s", [event.pk])
        return hash_of(cursor.fetchone())


def test_salt_and_value_make_the_commitment(owner: User) -> None:
    task = Task.objects.create(owner=owner, title="Zähne", description="")
    Task.objects.filter(pk=task.pk).update(title="Zeh")
    created, updated = Event.objects.filter(object_id=task.pk).order_by("pk")
    salts = salts_of(created, user(owner))

    masked = ["description", "metadata", "title"]
    assert sorted(field for field, sides in created.changes.items() if sides == [None, "•••"]) == masked
    assert sorted(salts) == sorted(created.commitments) == masked
    assert salts["title"][BEFORE] is created.commitments["title"][BEFORE] is None
    assert proves(created, "title", AFTER, "Zähne", salts)
    assert proves(created, "description", AFTER, "", salts)
    assert proves(created, "metadata", AFTER, "{}", salts)
    assert not proves(created, "title", AFTER, "Zahn", salts)
    salts = salts_of(updated, user(owner))
    assert list(salts) == ["title"]
    assert proves(updated, "title", BEFORE, "Zähne", salts)
    assert proves(updated, "title", AFTER, "Zeh", salts)


def test_a_value_that_is_no_text_is_committed_as_postgresql_writes_it(owner: User) -> None:
    document = KnowledgeDoc.objects.create(owner=owner, title="x", content="y", metadata={"b": 1, "a": ["é"]})
    event = Event.objects.get(object_id=document.pk)

    assert proves(event, "metadata", AFTER, '{"a": ["é"], "b": 1}', salts_of(event, user(owner)))


def test_no_two_salts_are_the_same_whatever_the_values(owner: User, peer: User) -> None:
    """Else equal commitments would tell equal values."""
    for account in (owner, owner, peer):
        Task.objects.create(owner=account, title="x", description="x")
    Task.objects.update(title="y")
    Task.objects.update(title="x")

    salts, commitments = [], []
    for event in Event.objects.filter(object_type="task"):
        for pair in salts_of(event, user(User(pk=event.owner_id))).values():
            salts += filter(None, pair)
        for pair in event.commitments.values():
            commitments += filter(None, pair)

    assert len(salts) == len(set(salts)) == 3 * 3 + 2 * 3 * 2
    assert len(commitments) == len(set(commitments)) == len(salts)


def test_a_row_handed_to_somebody_else_is_committed_with_each_ones_own_key(owner: User, peer: User) -> None:
    task = Task.objects.create(owner=owner, title="x")
    Task.objects.update(owner=peer)
    given, taken = (Event.objects.get(object_id=task.pk, action="task.updated", owner_id=u.pk) for u in (owner, peer))

    assert proves(given, "title", BEFORE, "x", salts_of(given, user(owner)))
    assert proves(taken, "title", AFTER, "x", salts_of(taken, user(peer)))
    assert given.commitments["title"][AFTER] is taken.commitments["title"][BEFORE] is None


def test_salts_are_told_to_the_owner_alone(owner: User, peer: User) -> None:
    Task.objects.create(owner=owner, title="x")
    event = Event.objects.get(action="task.created")

    assert salts_of(event, user(owner)) != {}
    assert salts_of(event, Identity(confined=True, user_id=owner.pk, role=AUDITOR_ROLE)) != {}
    for other in (user(peer), NOBODY, SYSTEM, Identity(confined=True, user_id=peer.pk, role=AUDITOR_ROLE)):
        assert salts_of(event, other) == {}


def test_what_an_event_says_besides_can_be_masked_too(owner: User) -> None:
    with acting_for(owner.pk):
        record(action="search.performed", detail={"hits": 3}, said={"query": "my symptoms", "label": ""})
    event = Event.objects.get(action="search.performed")
    salts = salts_of(event, user(owner))

    assert event.detail == {"hits": 3, "query": "•••", "label": "•••"}
    assert event.commitments["query"][BEFORE] is None
    assert proves(event, "query", AFTER, "my symptoms", salts)
    assert proves(event, "label", AFTER, "", salts)


def test_what_is_nobodys_is_masked_without_a_commitment(db: None) -> None:
    record(action="search.performed", said={"query": "my symptoms"})

    event = Event.objects.get(action="search.performed")
    assert (event.owner_id, event.detail, event.commitments) == (None, {"query": "•••"}, {})


def test_everybody_has_a_key_of_their_own_from_the_first_event_on(owner: User, peer: User) -> None:
    User.objects.bulk_create(User(email=f"user{number}@example.com") for number in range(3))

    keys = dict(SaltKey.objects.values_list("owner_id", "key"))
    assert keys.keys() == set(User.objects.values_list("pk", flat=True))
    assert {len(key) for key in keys.values()} == {32}
    assert len({bytes(key) for key in keys.values()}) == 5
    created = Event.objects.get(action="user.created", owner_id=owner.pk)
    assert proves(created, "email", AFTER, "owner@example.com", salts_of(created, user(owner)))


def test_erasure_leaves_the_hash_as_it_was_and_nothing_that_the_value_could_be_tried_against(owner: User) -> None:
    Task.objects.create(owner=owner, title="x")
    event = Event.objects.get(action="task.created")
    before, commitments = leaf_hash(event), event.commitments

    SaltKey.objects.filter(owner_id=owner.pk).delete()

    assert leaf_hash(event) == before
    event.refresh_from_db()
    assert event.commitments == commitments
    assert salts_of(event, user(owner)) == {}
    Task.objects.update(title="y")
    later = Event.objects.get(action="task.updated")
    assert (later.changes, later.commitments) == ({"title": ["•••", "•••"]}, {})


@pytest.mark.django_db(transaction=True)
def test_salt_keys_go_with_their_owner_and_every_leaf_still_holds(owner: User) -> None:
    Task.objects.create(owner=owner, title="x")
    seal()
    key = owner.pk
    owner.delete()
    seal()

    assert found() == set()
    assert not SaltKey.objects.exists()
    erased = Event.objects.get(action="key.erased")
    assert (erased.owner_id, erased.object_id, erased.changes) == (key, str(key), {})


@pytest.mark.parametrize("verb", ["UPDATE audit_saltkey SET key = ''", "TRUNCATE audit_saltkey"])
@pytest.mark.django_db
def test_a_salt_key_cannot_be_exchanged(verb: str, owner: User) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb)
