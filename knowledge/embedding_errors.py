"""What can go wrong with embedding texts, each with a stable code and a sentence for people.

The text of an error says no more than that sentence, and never what a provider answered: it is shown to users.
"""

from collections.abc import Iterator
from typing import ClassVar


class EmbeddingError(Exception):
    """Texts can't be embedded; the message names the mend.

    code: stable, for programs. transient: the same call may succeed later.
    retry_after: in how many seconds, if the provider said so.
    """

    code: ClassVar[str] = "embedding_failed"
    transient: ClassVar[bool] = False
    message: ClassVar[str] = "The text can't be embedded."

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message or self.message)
        self.retry_after = retry_after


class KeyFault(EmbeddingError):  # noqa: N818 - a base, never raised
    """It is the key's fault: another one is needed, or its account has to be looked after."""


class KeyMissingError(KeyFault):
    """There is no key."""

    code = "embedding_key_missing"
    message = "There is no key for Hugging Face. Set HUGGING_FACE_API_KEY, or have staff store a key."


class KeyUnreadableError(KeyFault):
    """The stored key was encrypted with another secret."""

    code = "embedding_key_unreadable"
    message = (
        "The stored key for Hugging Face can't be decrypted: ENCRYPTION_KEY or DJANGO_SECRET_KEY was changed. "
        "Set ENCRYPTION_KEY_PREVIOUS to the former value, or store the key again."
    )


class KeyInvalidError(KeyFault):
    """401."""

    code = "embedding_key_invalid"
    message = "Hugging Face doesn't know the key."


class KeyExpiredError(KeyFault):
    """401, and the answer says so."""

    code = "embedding_key_expired"
    message = "The key for Hugging Face has expired."


class ForbiddenError(KeyFault):
    """403."""

    code = "embedding_forbidden"
    message = "The key for Hugging Face doesn't have the permission to call inference providers."


class CreditExhaustedError(KeyFault):
    """402."""

    code = "embedding_credit_exhausted"
    message = "The account at Hugging Face that the key belongs to has no credit left."


class RateLimitedError(EmbeddingError):
    """429."""

    code = "embedding_rate_limited"
    transient = True
    message = "Hugging Face takes no more requests for the moment."


class OverloadedError(EmbeddingError):
    """503, while the model is loaded, or too much is asked of it."""

    code = "embedding_overloaded"
    transient = True
    message = "Hugging Face is overloaded, or is loading the model."


class ProviderFailedError(EmbeddingError):
    """Any other 5xx, and 424: inference failed."""

    code = "embedding_provider_failed"
    transient = True
    message = "Hugging Face failed to embed the text."


class ProviderTimeoutError(EmbeddingError):
    """No answer in time: ours, or the gateway's (408, 504)."""

    code = "embedding_timeout"
    transient = True
    message = "Hugging Face didn't answer in time."


class UnreachableError(EmbeddingError):
    """No connection, or one that broke."""

    code = "embedding_unreachable"
    transient = True
    message = "Hugging Face can't be reached."


class TooLargeError(EmbeddingError):
    """413."""

    code = "embedding_too_large"
    message = "The text, or how many there are, is too large for Hugging Face."


class RejectedError(EmbeddingError):
    """Any other 4xx: not what the provider takes, or not there."""

    code = "embedding_rejected"
    message = "Hugging Face rejects the request; the log says with which status."


class MalformedError(EmbeddingError):
    """The answer isn't a vector for each text, or the numbers aren't finite."""

    code = "embedding_malformed"
    message = "What Hugging Face answers can't be read as a vector for each text."


class WrongDimensionError(EmbeddingError):
    """The vectors are longer or shorter, or there is one for each word piece."""

    code = "embedding_wrong_dimension"
    message = "What Hugging Face answers are vectors of another model: not one of 384 dimensions for each text."


class OtherModelError(EmbeddingError):
    """The vector of a known text is another one."""

    code = "embedding_other_model"
    message = "Hugging Face runs another model than the one that all vectors are of, by what it makes of a known text."


def _below(kind: type[EmbeddingError]) -> Iterator[type[EmbeddingError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def message_of(code: str) -> str:
    """The sentence that belongs to a code."""
    return next((kind.message for kind in _below(EmbeddingError) if kind.code == code), EmbeddingError.message)
