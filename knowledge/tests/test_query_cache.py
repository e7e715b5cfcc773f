"""Queries are embedded once, and not at all by a provider that has just failed."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from knowledge.embedding_errors import EmbeddingError, KeyInvalidError, OverloadedError, ProviderTimeoutError
from knowledge.embeddings import DIMENSIONS, LocalEmbedder, Vectors, embed, embed_queries, embed_query, queries, use
from knowledge.embeddings.queries import QueryCache
from knowledge.embeddings.vectors import BATCH_SECONDS, QUERY_SECONDS

OTHER = "another@000000000000"


class Counting:
    """Gives each text a vector of its own, and counts what it was asked."""

    def __init__(self, name: str = "counting", model_revision: str = "model@1") -> None:
        self.name = name
        self.model_revision = model_revision
        self.asked: list[str] = []
        self.faults: list[EmbeddingError] = []
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()

    def embed(self, texts: Sequence[str], *, seconds: float = BATCH_SECONDS) -> Vectors:
        assert seconds == QUERY_SECONDS
        self.asked += texts
        self.begun.set()
        self.may_end.wait(10)
        if self.faults:
            raise self.faults.pop()
        return np.stack([np.full(DIMENSIONS, len(text), np.float32) for text in texts])


@pytest.fixture
def now() -> list[float]:
    """The clock, to be set."""
    return [100.0]


@pytest.fixture
def cache(now: list[float]) -> QueryCache:
    """Room for three."""
    return QueryCache(3, clock=lambda: now[0])


def test_a_query_is_embedded_once(cache: QueryCache) -> None:
    embedder = Counting()
    assert cache.embed(["a", "bb", "a"], embedder)[:, 0].tolist() == [1, 2, 1]
    assert cache.embed(["bb", "ccc"], embedder)[:, 0].tolist() == [2, 3]
    assert embedder.asked == ["a", "bb", "ccc"]


def test_no_queries_are_no_rows(cache: QueryCache) -> None:
    assert cache.embed([], Counting()).shape == (0, DIMENSIONS)


def test_what_was_not_asked_for_longest_is_forgotten(cache: QueryCache) -> None:
    embedder = Counting()
    for text in ("a", "bb", "ccc", "a", "dddd", "a", "bb"):
        cache.embed([text], embedder)
    assert embedder.asked == ["a", "bb", "ccc", "dddd", "bb"]


def test_more_queries_than_there_is_room_for_are_answered(cache: QueryCache) -> None:
    texts = ["x" * length for length in range(1, 9)]
    assert cache.embed(texts, Counting())[:, 0].tolist() == [*range(1, 9)]


def test_another_provider_or_model_has_vectors_of_its_own(cache: QueryCache) -> None:
    embedders = [Counting(), Counting(name="other"), Counting(model_revision=OTHER)]
    for embedder in embedders * 2:
        cache.embed(["a"], embedder)
    assert [embedder.asked for embedder in embedders] == [["a"]] * 3


def test_what_is_given_can_be_written_to_and_what_is_known_stays(cache: QueryCache) -> None:
    embedder = Counting()
    cache.embed(["a"], embedder)[:] = 7
    assert cache.embed(["a"], embedder)[0, 0] == 1


@pytest.mark.parametrize("faults", [0, 1])
def test_what_many_ask_at_once_is_asked_once(faults: int, cache: QueryCache) -> None:
    embedder = Counting()
    embedder.faults = [KeyInvalidError()] * faults
    embedder.may_end.clear()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(cache.embed, ["a"], embedder) for _ in range(8)]
        embedder.begun.wait(10)
        # The others wait for what the first was given, or come later and find it.
        embedder.may_end.set()
        errors = [answer.exception(10) for answer in answers]
    if not faults:
        assert embedder.asked == ["a"] and errors == [None] * 8
    assert {type(error) for error in errors} <= {type(None), KeyInvalidError}
    assert cache.embed(["a"], embedder)[0, 0] == 1


def test_a_failure_is_not_remembered(cache: QueryCache) -> None:
    embedder = Counting()
    embedder.faults = [KeyInvalidError()]
    with pytest.raises(KeyInvalidError):
        cache.embed(["a", "bb"], embedder)
    assert cache.embed(["a"], embedder)[0, 0] == 1


@pytest.mark.parametrize(
    ("fault", "pause"),
    [(ProviderTimeoutError(), 5), (OverloadedError(retry_after=20.5), 20.5), (OverloadedError(retry_after=3600), 60)],
)
def test_after_a_failure_that_passes_the_provider_is_left_alone(
    fault: EmbeddingError, pause: float, cache: QueryCache, now: list[float]
) -> None:
    embedder = Counting()
    cache.embed(["known"], embedder)
    embedder.faults = [fault]
    with pytest.raises(type(fault)):
        cache.embed(["a"], embedder)

    now[0] += pause - 1
    with pytest.raises(type(fault)) as caught:
        cache.embed(["bb"], embedder)
    assert caught.value.retry_after == pytest.approx(1)
    assert embedder.asked == ["known", "a"]
    # What is known, and what another embeds, is answered.
    assert cache.embed(["known"], embedder)[0, 0] == 5
    assert cache.embed(["bb"], Counting(name="other"))[0, 0] == 2

    now[0] += 1
    assert cache.embed(["bb"], embedder)[0, 0] == 2


def test_what_is_cleared_is_asked_again(cache: QueryCache) -> None:
    embedder = Counting()
    cache.embed(["a"], embedder)
    embedder.faults = [ProviderTimeoutError()]
    with pytest.raises(ProviderTimeoutError):
        cache.embed(["bb"], embedder)
    cache.clear()
    assert cache.embed(["a"], embedder)[0, 0] == 1
    assert embedder.asked == ["a", "bb", "a"]


def test_queries_are_embedded_by_whoever_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    queries.clear()
    np.testing.assert_allclose(embed_query("a lamp"), embed(["a lamp"])[0], atol=1e-5)
    np.testing.assert_allclose(embed_queries(["a lamp", "b"]), embed(["a lamp", "b"]), atol=1e-5)
    for function in (embed, embed_queries):
        with pytest.raises(TypeError, match="sequence of texts"):
            function("a lamp")


def test_the_local_model_is_one_of_the_embedders() -> None:
    assert LocalEmbedder().embed(["text"], seconds=1).shape == (1, DIMENSIONS)
    assert callable(use)
