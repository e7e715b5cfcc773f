"""Queries are embedded once: the latest are remembered, and a provider that just failed isn't asked again at once."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Final

import numpy as np

from knowledge.embedding_errors import EmbeddingError
from knowledge.embeddings.vectors import DIMENSIONS, QUERY_SECONDS, Embedder, Vectors

# Of 1.5 kB each, and the text.
REMEMBERED: Final = 1024
# After a failure that may pass queries fail at once for so long, so that searches don't queue up behind time-outs.
PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 60.0

Key = tuple[Hashable, ...]


class QueryCache:
    """The vectors of the latest queries, by embedder, model and text. Its methods may be called by several threads.

    What several ask at the same time is computed once, and failures are remembered by none. A pause is the embedder's:
    what is known is still given.
    """

    def __init__(self, size: int = REMEMBERED, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[Key, Future[Vectors]] = OrderedDict()
        self._pauses: dict[str, tuple[float, EmbeddingError]] = {}

    def embed(self, texts: Sequence[str], embedder: Embedder) -> Vectors:
        """As `Embedder.embed`, within `QUERY_SECONDS`."""
        keys: list[Key] = [(embedder.name, embedder.model_revision, text) for text in texts]
        answers, mine = self._look_up(keys)
        if mine:
            self._compute(mine, embedder)
        rows = [answer.result() for answer in answers]
        return np.stack(rows) if rows else np.empty((0, DIMENSIONS), np.float32)

    def clear(self) -> None:
        """Forget everything, failures too."""
        with self._lock:
            self._known.clear()
            self._pauses.clear()

    def _look_up(self, keys: Sequence[Key]) -> tuple[list[Future[Vectors]], dict[Key, Future[Vectors]]]:
        """What each key's answer will be, and those of them that the caller has to see to."""
        mine: dict[Key, Future[Vectors]] = {}
        with self._lock:
            for key in keys:
                if key not in self._known:
                    self._known[key] = mine[key] = Future()
                self._known.move_to_end(key)
            answers = [self._known[key] for key in keys]
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return answers, mine

    def _compute(self, mine: dict[Key, Future[Vectors]], embedder: Embedder) -> None:
        try:
            vectors = self._ask([str(key[-1]) for key in mine], embedder)
        except BaseException as exc:
            with self._lock:
                for key, answer in mine.items():
                    if self._known.get(key) is answer:
                        del self._known[key]
            for answer in mine.values():
                answer.set_exception(exc)
            raise
        vectors.setflags(write=False)
        for answer, vector in zip(mine.values(), vectors, strict=True):
            answer.set_result(vector)

    def _ask(self, texts: Sequence[str], embedder: Embedder) -> Vectors:
        until, fault = self._pauses.get(embedder.name, (0.0, None))
        if fault and self._clock() < until:
            raise type(fault)(retry_after=until - self._clock())
        try:
            return embedder.embed(texts, seconds=QUERY_SECONDS)
        except EmbeddingError as exc:
            if exc.transient:
                pause = min(exc.retry_after or PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
                self._pauses[embedder.name] = (self._clock() + pause, exc)
            raise
