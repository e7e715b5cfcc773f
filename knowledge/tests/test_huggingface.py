"""Hugging Face as the embedder: its vectors, and each thing that goes wrong by a name of its own."""

import logging
import socket
import traceback

import numpy as np
import pytest

from knowledge import embedding_errors as errors
from knowledge.embedding_errors import EmbeddingError, message_of
from knowledge.embeddings import DIMENSIONS, MODEL_REVISION, embed
from knowledge.embeddings.huggingface import HuggingFace
from knowledge.tests import hugging_face as hf
from knowledge.tests.hugging_face import KEY, Answer, Double

ECHO = Answer(401, {"error": f"Invalid credentials: {KEY}"}, {"X-Error-Message": f"Bearer {KEY}"})
ROW = [0.1] * DIMENSIONS


@pytest.fixture
def remote(double: Double) -> HuggingFace:
    """The embedder that is tested."""
    return HuggingFace(lambda: KEY, double.base_url)


def test_texts_get_the_vectors_of_the_local_model_in_their_order(remote: HuggingFace, double: Double) -> None:
    texts = [f"number {number}" for number in range(33)]
    vectors = remote.embed(texts)

    assert (vectors.shape, vectors.dtype) == ((33, DIMENSIONS), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors, embed(texts), atol=1e-4)
    assert [len(batch) for batch in double.asked] == [32, 1]
    assert remote.model_revision == MODEL_REVISION


def test_no_texts_are_no_call(remote: HuggingFace, double: Double) -> None:
    assert remote.embed([]).shape == (0, DIMENSIONS)
    assert double.asked == []


@pytest.mark.parametrize("text", ["town " * 400, "a\ud800b", "x" * 2000, "\U0001f600 é ß 漢字 " * 100])
def test_a_text_is_read_as_far_as_the_local_model_reads_it(text: str, remote: HuggingFace) -> None:
    np.testing.assert_allclose(remote.embed([text]), embed([text]), atol=1e-4)


@pytest.mark.parametrize(
    ("answer", "kind", "transient", "wait"),
    [
        (hf.INVALID, errors.KeyInvalidError, False, None),
        (hf.EXPIRED, errors.KeyExpiredError, False, None),
        (hf.NO_CREDIT, errors.CreditExhaustedError, False, None),
        (hf.FORBIDDEN, errors.ForbiddenError, False, None),
        (hf.RATE_LIMITED, errors.RateLimitedError, True, 17),
        (Answer(429, {"error": "Slow"}, {"Retry-After": "soon"}), errors.RateLimitedError, True, None),
        (hf.QUEUE_FULL, errors.OverloadedError, True, None),
        (hf.MODEL_LOADING, errors.OverloadedError, True, 20.5),
        (hf.UNAVAILABLE, errors.OverloadedError, True, None),
        (Answer(503, {"error": "x", "estimated_time": "soon"}), errors.OverloadedError, True, None),
        (Answer(503, [1]), errors.MalformedError, False, None),
        (hf.GATEWAY_TIMEOUT, errors.ProviderTimeoutError, True, None),
        (Answer(408, {"error": "Request Timeout"}), errors.ProviderTimeoutError, True, None),
        (hf.FAILED, errors.ProviderFailedError, True, None),
        (Answer(500, {"error": "Internal Server Error"}), errors.ProviderFailedError, True, None),
        (Answer(502, "", {"Content-Type": "text/html"}), errors.ProviderFailedError, True, None),
        (hf.TOO_LARGE, errors.TooLargeError, False, None),
        (hf.UNTOKENIZABLE, errors.RejectedError, False, None),
        (Answer(404, {"error": "Not Found"}), errors.RejectedError, False, None),
        (Answer(410, {"error": "The model is deprecated"}), errors.RejectedError, False, None),
        (Answer(drop=True), errors.UnreachableError, True, None),
        (Answer(200, "not JSON"), errors.MalformedError, False, None),
        (Answer(200, {"embeddings": [ROW]}), errors.MalformedError, False, None),
        (Answer(200, None), errors.MalformedError, False, None),
        (Answer(200, [["a"] * DIMENSIONS]), errors.MalformedError, False, None),
        (Answer(200, [None]), errors.MalformedError, False, None),
        (Answer(200, ROW), errors.MalformedError, False, None),
        (Answer(200, [ROW, ROW]), errors.MalformedError, False, None),
        (Answer(200, [[0.0] * DIMENSIONS]), errors.MalformedError, False, None),
        (Answer(200, [[*ROW[1:], float("nan")]]), errors.MalformedError, False, None),
        (Answer(200, [[*ROW[1:], float("inf")]]), errors.MalformedError, False, None),
        (Answer(200, [ROW[1:]]), errors.WrongDimensionError, False, None),
        (Answer(200, [ROW * 2]), errors.WrongDimensionError, False, None),
        (Answer(200, [[ROW, ROW, ROW]]), errors.WrongDimensionError, False, None),
    ],
    ids=lambda value: getattr(value, "__name__", getattr(value, "status", "")),
)  # fmt: skip
def test_what_goes_wrong_has_a_name(
    answer: Answer, kind: type[EmbeddingError], transient: bool, wait: float | None, remote: HuggingFace, double: Double
) -> None:
    double.next = [answer]

    with pytest.raises(EmbeddingError) as caught:
        remote.embed(["text"])
    assert (type(caught.value), caught.value.transient, caught.value.retry_after) == (kind, transient, wait)
    assert str(caught.value) == kind.message == message_of(kind.code)

    # It was asked once, and the next call is another one.
    assert double.next == []
    assert remote.embed(["text"]).shape == (1, DIMENSIONS)


def test_an_answer_that_does_not_come_is_a_time_out(remote: HuggingFace, double: Double) -> None:
    double.next = [Answer(hang=2)]
    with pytest.raises(errors.ProviderTimeoutError):
        remote.embed(["text"], seconds=0.2)


def test_a_service_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = HuggingFace(lambda: KEY, f"http://127.0.0.1:{taken.getsockname()[1]}/hf-inference")
        with pytest.raises(errors.UnreachableError):
            nowhere.embed(["text"])


def test_a_redirection_is_not_followed(remote: HuggingFace, double: Double) -> None:
    double.next = [Answer(307, "", {"Location": f"{double.base_url}{hf.PATH.removeprefix('/hf-inference')}"})]
    with pytest.raises(errors.MalformedError):
        remote.embed(["text"])
    assert double.asked == []


def test_no_key_is_no_call(double: Double) -> None:
    def key() -> str:
        raise errors.KeyMissingError

    with pytest.raises(errors.KeyMissingError):
        HuggingFace(key, double.base_url).embed(["text"])
    assert double.key_seen == ""


def test_the_codes_are_distinct_and_speak_to_people() -> None:
    kinds = [*errors._below(EmbeddingError)]
    codes = [kind.code for kind in kinds if kind is not errors.KeyFault]

    assert len({*codes}) == len(codes) >= 17
    assert all(code.startswith("embedding_") for code in codes)
    assert all(kind.message.endswith(".") for kind in kinds)
    assert message_of("no_such_code") == EmbeddingError.message


def test_the_key_is_in_no_log_error_or_traceback(
    remote: HuggingFace, double: Double, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    double.next = [ECHO]

    with pytest.raises(errors.KeyInvalidError) as caught:
        remote.embed(["text"])
    remote.embed(["text"])

    assert double.key_seen == KEY
    told = [caplog.text, repr(remote), str(vars(remote)), "".join(traceback.format_exception(caught.value))]
    told += [str(record.__dict__) for record in caplog.records]
    assert [text for text in told if KEY in text] == []
    assert "Invalid credentials: •••" in caplog.text
    assert caught.value.__context__ is caught.value.__cause__ is None
