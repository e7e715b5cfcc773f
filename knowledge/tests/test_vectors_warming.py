"""Large owners' vectors get into the approximate index, whatever else happens to them meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from django.core.checks import run_checks
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import User
from knowledge import jobs, warming
from knowledge.models import ChunkVector, KnowledgeDoc
from knowledge.tests.vectors import Random, store, topics


@pytest.fixture
def random() -> Random:
    return np.random.default_rng(7)


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "EXACT_LIMIT", 20)
    monkeypatch.setattr(warming, "TAIL", 5)
    monkeypatch.setattr(warming, "BATCH", 10)


def trash(document: KnowledgeDoc) -> None:
    KnowledgeDoc.objects.filter(pk=document.pk).update(trashed_at=timezone.now())


def hot(owner: User) -> int:
    return ChunkVector.objects.filter(owner=owner, hot=True).count()


def waiting() -> int:
    return ProcrastinateJob.objects.filter(task_name=jobs.warm_owner.name, status="todo").count()


def test_new_vectors_are_not_in_the_index(owner: User, random: Random) -> None:
    store(owner, topics(random, 3))

    assert hot(owner) == 0


@pytest.mark.parametrize(("count", "due"), [(20, False), (21, True)])
def test_owner_beyond_the_limit_is_due(owner: User, random: Random, count: int, due: bool) -> None:
    store(owner, topics(random, count))

    assert warming.is_due(owner.pk) is due


def test_owner_whose_few_new_vectors_are_outside_is_not_due(owner: User, random: Random) -> None:
    store(owner, topics(random, 30))
    warming.warm(owner.pk)
    store(owner, topics(random, 5))

    assert not warming.is_due(owner.pk)
    store(owner, topics(random, 1))
    assert warming.is_due(owner.pk)


def test_what_others_have_makes_nobody_due(owner: User, peer: User, random: Random) -> None:
    store(peer, topics(random, 30))
    store(owner, topics(random, 10))

    assert not warming.is_due(owner.pk)


def test_warming_takes_the_owners_vectors_and_no_others(owner: User, peer: User, random: Random) -> None:
    store(peer, topics(random, 30))
    store(owner, topics(random, 25))

    assert warming.warm(owner.pk) is False

    assert (hot(owner), hot(peer)) == (25, 0)


def test_warming_stops_when_its_time_is_up(owner: User, random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "SECONDS", 1e-9)
    store(owner, topics(random, 25))

    assert warming.warm(owner.pk) is True
    assert hot(owner) == 0


def test_trash_is_not_warmed_until_it_is_restored(owner: User, random: Random) -> None:
    document = store(owner, topics(random, 25))
    warming.warm(owner.pk)
    trash(document)
    assert hot(owner) == 0

    assert not warming.is_due(owner.pk)
    warming.warm(owner.pk)
    assert hot(owner) == 0

    KnowledgeDoc.objects.filter(pk=document.pk).update(trashed_at=None)
    assert warming.is_due(owner.pk)
    warming.warm(owner.pk)
    assert hot(owner) == 25


def test_job_is_there_once(owner: User, random: Random) -> None:
    store(owner, topics(random, 25))

    jobs.warm_if_large(owner.pk)
    jobs.warm_if_large(owner.pk)

    assert waiting() == 1


def test_job_for_a_small_owner_is_not_made(owner: User, random: Random) -> None:
    store(owner, topics(random, 20))

    jobs.warm_if_large(owner.pk)

    assert waiting() == 0


def test_job_that_is_not_done_goes_on_later(owner: User, random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    store(owner, topics(random, 25))
    jobs.warm_owner(owner_id=str(owner.pk))
    assert (hot(owner), waiting()) == (25, 0)

    store(owner, topics(random, 25))
    monkeypatch.setattr(warming, "SECONDS", 1e-9)
    jobs.warm_owner(owner_id=str(owner.pk))
    assert waiting() == 1


@pytest.mark.django_db(transaction=True)
def test_batch_that_is_interrupted_leaves_nothing_behind(owner: User, random: Random) -> None:
    store(owner, topics(random, 25))

    def interrupted() -> None:
        with transaction.atomic():
            assert warming.warm_some(owner.pk) == hot(owner) == 10
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert hot(owner) == 0
    warming.warm(owner.pk)
    assert hot(owner) == 25


def apart(function: Any, *arguments: Any) -> Any:
    """On a connection of its own, that ends with it."""
    try:
        return function(*arguments)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_what_somebody_else_has_in_hand_is_waited_for_by_nobody(owner: User, random: Random) -> None:
    """A document that is being changed, and one of whose vectors is."""
    changed, touched, free = (store(owner, topics(random, 4)) for _ in range(3))
    vector = ChunkVector.objects.filter(document=touched).order_by("pk").values_list("pk", flat=True)[0]
    with transaction.atomic(), ThreadPoolExecutor(1) as executor:
        KnowledgeDoc.objects.filter(pk=changed.pk).update(title="B")
        ChunkVector.objects.select_for_update().get(pk=vector)

        warmed = executor.submit(apart, warming.warm_some, owner.pk).result(timeout=20)

    assert warmed == 7
    assert ChunkVector.objects.filter(document=free, hot=True).count() == 4


@pytest.mark.django_db(transaction=True)
def test_deleting_trashing_and_storing_go_on_beside_it(owner: User, random: Random) -> None:
    """No deadlock, no lost row, nothing of the trash left in the index."""
    documents = [store(owner, topics(random, 12)) for _ in range(12)]

    def warm_often() -> None:
        for _ in range(40):
            warming.warm_some(owner.pk)

    def change() -> None:
        for document in documents[:4]:
            document.delete()
        for document in documents[4:8]:
            trash(document)

    with ThreadPoolExecutor(3) as executor:
        for done in [executor.submit(apart, work) for work in (warm_often, change, warm_often)]:
            done.result(timeout=60)

    warming.warm(owner.pk)
    rows = ChunkVector.objects.filter(owner=owner)
    assert rows.filter(document__in=documents[4:8], hot=True).count() == 0
    assert rows.filter(document__in=documents[8:], hot=True).count() == 48
    assert rows.count() == 96


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["knowledge_chunkvector_hot", "knowledge_chunkvector_tail"])
def test_missing_index_is_a_warning(name: str) -> None:
    def found() -> list[str]:
        return [str(message.obj) for message in run_checks(databases=["default"]) if message.id == "knowledge.W003"]

    assert found() == []
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {name}")
    assert found() == [name]
