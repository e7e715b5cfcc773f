"""Embeddings by Hugging Face's inference providers, through its own client.

One POST for each batch, to an address that is known before: given a model's id instead, the client would first ask the
Hub about the model, without any time-out. The client never repeats a call, and neither does this: who waits for the
vectors knows how long that makes sense.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx2
import numpy as np
import structlog
from huggingface_hub import InferenceClient, constants, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError, OfflineModeIsEnabled

from knowledge.embedding_errors import (
    CreditExhaustedError,
    EmbeddingError,
    ForbiddenError,
    KeyExpiredError,
    KeyInvalidError,
    MalformedError,
    OverloadedError,
    ProviderFailedError,
    ProviderTimeoutError,
    RateLimitedError,
    RejectedError,
    TooLargeError,
    UnreachableError,
    WrongDimensionError,
)
from knowledge.embeddings.vectors import BATCH_SECONDS, DIMENSIONS, MODEL_NAME, MODEL_REVISION, Vectors
from knowledge.minilm.tokenizer import MAX_TOKENS, SPECIAL_TOKENS, encode

log = structlog.get_logger(__name__)

# What text-embeddings-inference takes at once unless it is told otherwise.
BATCH_SIZE: Final = 32
CONNECT_SECONDS: Final = 5.0
# Of a provider's own words, in the log.
SAID: Final = 300

BY_STATUS: Final[dict[int, type[EmbeddingError]]] = {
    402: CreditExhaustedError,
    403: ForbiddenError,
    408: ProviderTimeoutError,
    413: TooLargeError,
    424: ProviderFailedError,
    429: RateLimitedError,
    503: OverloadedError,
    504: ProviderTimeoutError,
}

# At lower levels they repeat the headers of answers, and tell of each call.
for library in ("httpcore2", "httpx2"):
    logging.getLogger(library).setLevel(logging.WARNING)
# To name the program that calls, the client would fetch a list of programs from the Hub.
constants.HF_HUB_DISABLE_TELEMETRY = True


def _session() -> httpx2.Client:
    """The client's connections. A redirection would take texts and key to where nobody said that they may go."""
    return httpx2.Client(follow_redirects=False, timeout=BATCH_SECONDS)


set_client_factory(_session)


class HuggingFace:
    """Embeds by `<base_url>/models/<model>/pipeline/feature-extraction`; `key` is asked before each batch."""

    name = "huggingface"
    model_revision = MODEL_REVISION

    def __init__(self, key: Callable[[], str], base_url: str) -> None:
        self._key = key
        self._url = f"{base_url}/models/{MODEL_NAME}/pipeline/feature-extraction"

    def embed(self, texts: Sequence[str], *, seconds: float = BATCH_SECONDS) -> Vectors:
        """As `Embedder.embed`. What is longer than the model reads is cut here, as the local model cuts it."""
        read = [_readable(text) for text in texts]
        batches = [read[start : start + BATCH_SIZE] for start in range(0, len(read), BATCH_SIZE)]
        rows = [self._batch(batch, seconds) for batch in batches]
        return np.concatenate(rows) if rows else np.empty((0, DIMENSIONS), np.float32)

    def _batch(self, texts: list[str], seconds: float) -> Vectors:
        key = self._key()
        answer = self._answer(texts, key, seconds)
        if isinstance(answer, Exception):
            # Raised here, so that the provider's own error, and what it was asked, isn't in any traceback.
            fault, said = _fault(answer)
            log.warning("embedding_provider_error", code=fault.code, said=said.replace(key, "•••")[:SAID])
            raise fault
        return _unit(answer, len(texts))

    def _answer(self, texts: list[str], key: str, seconds: float) -> Any:
        timeout: Any = httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        client = InferenceClient(model=self._url, api_key=key, timeout=timeout)
        try:
            return client.feature_extraction(texts)
        # Its own errors and those of its connections; an answer that isn't JSON, or isn't of numbers in rows; JSON of
        # an error that is no object.
        except (httpx2.HTTPError, OfflineModeIsEnabled, ValueError, TypeError, AttributeError) as exc:
            return exc


def _readable(text: str) -> str:
    """What the model reads of a text. Half of a surrogate pair can't be sent; the model passes over U+FFFD."""
    pieces = encode(text)
    room = MAX_TOKENS - SPECIAL_TOKENS
    cut = text if len(pieces) <= room else text[: pieces.offsets[room - 1][1]]
    return cut.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _fault(exc: Exception) -> tuple[EmbeddingError, str]:
    """What an error of the client means, and what the provider said."""
    match exc:
        case HfHubHTTPError():
            return _refusal(exc), f"{exc.response.status_code} {exc.server_message or ''}"
        case InferenceTimeoutError() | httpx2.TimeoutException():
            return ProviderTimeoutError(), ""
        case httpx2.HTTPError() | OfflineModeIsEnabled():
            return UnreachableError(), type(exc).__name__
    return MalformedError(), type(exc).__name__


def _refusal(exc: HfHubHTTPError) -> EmbeddingError:
    status, said = exc.response.status_code, (exc.server_message or "").lower()
    if status == 401:
        return KeyExpiredError() if "expired" in said else KeyInvalidError()
    # text-embeddings-inference says with 429 that its queue is full.
    kind = OverloadedError if status == 429 and "overloaded" in said else BY_STATUS.get(status)
    kind = kind or (ProviderFailedError if status >= 500 else RejectedError)
    return kind(retry_after=_wait(exc.response) if kind.transient else None)


def _wait(response: httpx2.Response) -> float | None:
    """The seconds that the provider asks for: in the header, or for as long as it takes to load the model."""
    if (header := response.headers.get("Retry-After", "").strip()).isdecimal():
        return float(header)
    try:
        estimate = response.json().get("estimated_time")
    except (ValueError, AttributeError):
        return None
    return float(estimate) if isinstance(estimate, int | float) and 0 < estimate < float("inf") else None


def _unit(answer: Any, count: int) -> Vectors:
    """The answer as `count` rows of length 1."""
    if answer.ndim < 2 or len(answer) != count or not np.isfinite(answer).all():
        raise MalformedError
    if answer.shape[1:] != (DIMENSIONS,):
        raise WrongDimensionError
    lengths = np.linalg.norm(answer, axis=1, keepdims=True)
    if not lengths.all():
        raise MalformedError
    return np.asarray(answer / lengths, dtype=np.float32)
