"""The local model: texts become unit vectors of 384 dimensions in this process, without a network.

It is sentence-transformers/all-MiniLM-L6-v2: its published weights run in onnxruntime over the graph
that `knowledge.minilm.build_graph` makes. It is loaded by the first call of `embed`, once per process and
never at import, so a web worker that doesn't search carries none of its 110 MB. A process must not fork after
that call: the threads of onnxruntime don't survive it. A server that forks its workers before they serve
(gunicorn) is safe.
"""

import mmap
import os
import threading
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from knowledge.embeddings.vectors import BATCH_SECONDS, DIMENSIONS, MODEL_REVISION, Vectors
from knowledge.minilm.files import GRAPH_PATH, WEIGHTS_NAME, verified_file
from knowledge.minilm.tokenizer import CLS_ID, MAX_TOKENS, PAD_ID, SEP_ID, SPECIAL_TOKENS, encode

if TYPE_CHECKING:
    import onnxruntime

# On two cores 8 texts at once went faster than 32 (126 against 107 of 128 word pieces a second), in a quarter
# of the working memory.
BATCH_SIZE: Final = 8
# The cores of a larger machine have requests and the database to serve.
DEFAULT_THREADS: Final = min(4, os.cpu_count() or 1)

_loading = threading.Lock()


def _open_session(weights: Path, *, threads: int) -> "onnxruntime.InferenceSession":
    """Join the graph with its weights, which onnxruntime copies: the mapping ends with the call."""
    # Not at the top: being imported starts a thread that its children miss when a web server forks its workers.
    onnxruntime = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Waiting threads would otherwise spin, and take the cores from the requests and the database beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with weights.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    options.add_external_initializers_from_files_in_memory([WEIGHTS_NAME], [mapped], [len(mapped)])
    return onnxruntime.InferenceSession(GRAPH_PATH.read_bytes(), options, providers=["CPUExecutionProvider"])


def _piece_ids(text: str) -> list[int]:
    """The ids of a text as the model reads them: framed by [CLS] and [SEP], cut after 256."""
    return [CLS_ID, *encode(text).ids[: MAX_TOKENS - SPECIAL_TOKENS], SEP_ID]


class Model:
    """The loaded model. Its methods may be called from several threads at once.

    `threads` bounds the threads of one call. Raises EmbeddingError if the model's files are missing or not
    the published ones.
    """

    def __init__(self, *, threads: int = DEFAULT_THREADS) -> None:
        self._session = _open_session(verified_file(WEIGHTS_NAME), threads=threads)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts: float32 of shape (len(texts), 384), each row of length 1.

        Batches hold texts of similar length, so that little of the work is padding.
        """
        if isinstance(texts, str):
            raise TypeError("embed() takes a sequence of texts, not one text.")
        ids = [_piece_ids(text) for text in texts]
        by_length = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        vectors = np.empty((len(ids), DIMENSIONS), dtype=np.float32)
        for start in range(0, len(ids), BATCH_SIZE):
            rows = by_length[start : start + BATCH_SIZE]
            vectors[rows] = self._run([ids[row] for row in rows])
        return vectors

    def _run(self, batch: list[list[int]]) -> Vectors:
        """Run one batch, sorted by length: (len(batch), 384)."""
        shape = len(batch), len(batch[-1])
        input_ids = np.full(shape, PAD_ID, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        for row, ids in enumerate(batch):
            input_ids[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        (vectors,) = self._session.run(["embedding"], {"input_ids": input_ids, "attention_mask": mask})
        return np.asarray(vectors, dtype=np.float32)


@cache
def _load() -> Model:
    return Model()


def model() -> Model:
    """The model of this process, loaded by the first call, whichever thread makes it."""
    with _loading:
        return _load()


class LocalEmbedder:
    """The process's model, as one of the embedders there are."""

    name = "local"
    model_revision = MODEL_REVISION

    def embed(self, texts: Sequence[str], *, seconds: float = BATCH_SECONDS) -> Vectors:
        """The model reads the first 256 word pieces of a text; what is longer is cut. Takes the time that it takes.

        Raises EmbeddingError if the model's files are missing or not the published ones.
        """
        return model().embed(texts)
