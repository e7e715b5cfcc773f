"""A text whose vector is known: by it a provider shows that it runs the model that everybody's vectors are of."""

from base64 import b64decode
from typing import Final

import numpy as np

from knowledge.embedding_errors import OtherModelError
from knowledge.embeddings.vectors import QUERY_SECONDS, Embedder

PROBE: Final = "Is there anybody?"
# The local model's vector in 384 signed bytes.
_EXPECTED: Final = (
    "6QEeHfb9EwoT//HN7gkf9unP2+PG5eUFygzs7eoi2hUvHyMjBx7+9xkU1PoI9PP1QBIA//kpFsMM8irnBQwHDzETCxEH+BEE+RwS"
    "2iEROxoL5/QU9/ccQfAM9ib08f7nIPzhLgUcJ9fqJfIU0PHdAe//CgUr7gESEhjhIAPt4gAo6CH/0wv3EPfyBv/U+RELB+nzDvLy"
    "4TjzAiP7QAjZFBIW1+EQ9/732jbt7voCHf0ED+748gHo6fn7+fQeIw371gbx2xr37PXs998M7QAY8Q0VC+If3/P71fca9j3y8gAW"
    "+wgcC/QxEugV/9FFBS8fFh7699XVyAX7Ayj4qvsAAvHb8Aw1Mf/T/eXjK/b71f7uAuEKERUKBhMBIgP1BPQPJP3gB+kB7OTe7yIW"
    "/+L84QwHBQkO5RFACA30GezvAwAEJA8b3t4Z9Pkn8S8NzgrMDvDa+/sPD+MSFh8T4PAOFw3gIOnq8fPT7O0d+f75Irjv/PX5IjUA"
    "+hr01wYlxx8M"
)
# Rounding to bytes costs 0.0001, half precision less; another model's vector has a cosine near 0.
_ALIKE: Final = 0.99


def probe(embedder: Embedder) -> None:
    """Have it embed one short text. Raises `EmbeddingError`; `OtherModelError` if the vector is another model's."""
    vector = embedder.embed([PROBE], seconds=2 * QUERY_SECONDS)[0]
    expected = np.frombuffer(b64decode(_EXPECTED), np.int8).astype(np.float32)
    if vector @ expected < _ALIKE * np.linalg.norm(expected):
        raise OtherModelError
