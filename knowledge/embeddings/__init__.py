"""Embeddings: texts become unit vectors of 384 dimensions, in this process or at a provider.

Whichever embeds, the model is sentence-transformers/all-MiniLM-L6-v2, so that all vectors can be compared. Who embeds
is decided by what `use` was given; without it, the local model.
"""

from collections.abc import Callable, Sequence

from knowledge.embedding_errors import EmbeddingError
from knowledge.embeddings.local import LocalEmbedder, Model, model
from knowledge.embeddings.queries import QueryCache
from knowledge.embeddings.vectors import DIMENSIONS, MODEL_NAME, MODEL_REVISION, Embedder, Vectors
from knowledge.minilm.files import ModelMismatchError, ModelMissingError
from knowledge.minilm.tokenizer import MAX_TOKENS

__all__ = [
    "DIMENSIONS",
    "MAX_TOKENS",
    "MODEL_NAME",
    "MODEL_REVISION",
    "Embedder",
    "EmbeddingError",
    "LocalEmbedder",
    "Model",
    "ModelMismatchError",
    "ModelMissingError",
    "Vectors",
    "embed",
    "embed_queries",
    "embed_query",
    "embedder",
    "model",
    "queries",
    "use",
]

queries = QueryCache()
_choose: Callable[[], Embedder] = LocalEmbedder


def use(choose: Callable[[], Embedder]) -> None:
    """From here on each call asks `choose` who embeds."""
    global _choose
    _choose = choose


def embedder() -> Embedder:
    """Who embeds now."""
    return _choose()


def embed(texts: Sequence[str]) -> Vectors:
    """Embed texts: float32 of shape (len(texts), 384), each row of length 1.

    The model reads the first 256 word pieces of a text; what is longer is cut. No texts give shape (0, 384).
    Raises `EmbeddingError`.
    """
    if isinstance(texts, str):
        raise TypeError("embed() takes a sequence of texts, not one text.")
    return embedder().embed(texts)


def embed_queries(texts: Sequence[str]) -> Vectors:
    """The same for what somebody waits for: quickly, and from memory if it was asked lately."""
    if isinstance(texts, str):
        raise TypeError("embed_queries() takes a sequence of texts, not one text.")
    return queries.embed(texts, embedder())


def embed_query(text: str) -> Vectors:
    """One query's vector: float32 of shape (384,), read-only or a copy. Raises `EmbeddingError`."""
    vector: Vectors = embed_queries([text])[0]
    return vector
