"""What all embedders have in common: the model, the shape of its vectors, and what can be asked of each."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from knowledge.minilm.files import SHA256, WEIGHTS_NAME

MODEL_NAME: Final = "sentence-transformers/all-MiniLM-L6-v2"
MODEL_REVISION: Final = f"{MODEL_NAME}@{SHA256[WEIGHTS_NAME][:12]}"
DIMENSIONS: Final = 384
# How long a batch of passages may take, and a query, for which somebody waits.
BATCH_SECONDS: Final = 60.0
QUERY_SECONDS: Final = 8.0

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Something that embeds texts.

    name: which one it is. model_revision: the model's name and the beginning of its weights' SHA-256; vectors of the
    same revision can be compared, whoever made them.
    """

    name: str
    model_revision: str

    def embed(self, texts: Sequence[str], *, seconds: float = BATCH_SECONDS) -> Vectors:
        """float32 of shape (len(texts), 384), each row of length 1. Raises `EmbeddingError`.

        seconds: how long to wait for an answer from elsewhere, for each batch.
        """
        ...
