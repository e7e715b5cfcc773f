"""The text whose vector is known."""

import numpy as np
import pytest

from knowledge.embedding_errors import OtherModelError
from knowledge.embeddings import LocalEmbedder, Vectors, embed
from knowledge.embeddings.probe import PROBE, probe


class Turned(LocalEmbedder):
    """Another model."""

    def embed(self, texts: object, *, seconds: float = 1) -> Vectors:
        return np.roll(embed([PROBE]), 1, axis=1)


def test_the_local_model_passes() -> None:
    probe(LocalEmbedder())


def test_another_model_does_not() -> None:
    with pytest.raises(OtherModelError):
        probe(Turned())
