"""Files that chance has damaged end with a text that can be stored, or with a code."""

import io
import random
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from knowledge.extraction import __main__ as child
from knowledge.extraction import process
from knowledge.extraction.failures import MESSAGES, ExtractionError
from knowledge.extraction.limits import MAX_CHARACTERS
from knowledge.extraction.sniffing import DOCX, HTML, PDF, PLAIN, sniff
from knowledge.extraction.text import Extracted, checked
from knowledge.tests import corpus

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
NAMES = st.sampled_from(["a.pdf", "a.docx", "a.html", "a.md", "a.txt", "a.csv", "a", "", ".html"])


@cache
def whole(media_type: str) -> bytes:
    """A file that nothing is wrong with."""
    return {
        PDF: lambda: corpus.pdf("The elephant sleeps.", "The giraffe, too.", title="Zoo"),
        DOCX: lambda: corpus.docx("Zoo", "The elephant sleeps."),
        HTML: corpus.PAGE.encode,
        PLAIN: "# Zoo\n\nGröße 😀\n".encode,
    }[media_type]()


def damaged(data: bytes, seed: int) -> bytes:
    """The same with some bytes changed, some taken out, some twice, or its end missing. By chance, but always alike."""
    chance = random.Random(seed)
    broken = bytearray(data)
    for _ in range(chance.randint(1, 12)):
        place, length = chance.randrange(max(1, len(broken))), chance.choice([1, 1, 2, 8, 64])
        piece = chance.choice(
            [b"", chance.randbytes(length), bytes(length), b"\xff" * length, broken[place : place + 64]]
        )
        broken[place : place + length] = piece
    return bytes(broken[: chance.choice([len(broken)] * 3 + [chance.randrange(len(broken) + 1)])])


def assert_storable(said: Extracted) -> None:
    said.text.encode()
    assert checked(said) is said
    assert "\0" not in said.text
    assert "\r" not in said.text
    assert len(said.text) <= MAX_CHARACTERS
    assert said.title == " ".join(said.title.split())
    for start in said.page_starts or ():
        assert 0 <= start <= len(said.text)


@settings(deadline=None, max_examples=300, suppress_health_check=SLOW)
@given(st.binary(max_size=2_000), NAMES)
@example(b"PK\x03\x04" + b"PK\x05\x06" * 8, "a.docx")
@example(corpus.OLE + b"\xff" * 504, "a.docx")
def test_anything_is_sniffed(data: bytes, name: str) -> None:
    file = io.BytesIO(data)

    assert sniff(file, name) in {*child.READERS, None}


@settings(deadline=None, max_examples=60, suppress_health_check=SLOW)
@given(st.sampled_from([DOCX, HTML, PLAIN]), st.integers(0, 2**32), NAMES)
def test_a_damaged_file_ends_well(media_type: str, seed: int, name: str) -> None:
    data = damaged(whole(media_type), seed)
    found = sniff(io.BytesIO(data), name)
    if found not in (DOCX, HTML, PLAIN):
        return
    with TemporaryDirectory() as directory:
        path = Path(directory, "file")
        path.write_bytes(data)
        result = child._result(found, path)

    if "code" in result:
        assert result["code"] in MESSAGES
    else:
        assert_storable(Extracted(**result))


@pytest.mark.slow
@settings(deadline=None, max_examples=25, suppress_health_check=SLOW)
@given(st.sampled_from([PDF, PDF, PDF, DOCX]), st.integers(0, 2**32))
def test_a_damaged_file_ends_well_in_its_process(media_type: str, seed: int) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory, "file")
        path.write_bytes(damaged(whole(media_type), seed))
        with suppress(ExtractionError):
            assert_storable(process.extract(path, media_type))
