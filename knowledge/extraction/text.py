"""Text as files hold it, and as the database does."""

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from charset_normalizer import from_bytes

from knowledge.extraction.failures import ExtractionError
from knowledge.extraction.limits import MAX_CHARACTERS, MAX_TEXT_BYTES

MAX_TITLE: Final = 255
# The longer ones first: a mark of UTF-32 begins like one of UTF-16.
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What PostgreSQL doesn't store.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
HEADING = re.compile(r"^# +(.+?)[ #]*$", re.MULTILINE)


@dataclass(frozen=True)
class Extracted:
    """What a file says.

    page_starts: where in the text each page begins; None if the file has no pages.
    title: what the file calls itself; empty if it doesn't.
    """

    text: str
    page_starts: list[int] | None = field(default=None)
    title: str = ""


def marked_encoding(data: bytes) -> tuple[str | None, int]:
    """The encoding that a byte order mark tells, and the mark's length."""
    return next(((name, len(mark)) for mark, name in MARKS if data.startswith(mark)), (None, 0))


def decode(data: bytes, declared: str | None = None) -> str:
    """The text of bytes: as their mark says, in UTF-8 if it is that, as it is declared, or as it looks.

    Raises `ExtractionError` if none of these fits.
    """
    marked, length = marked_encoding(data)
    if marked:
        return data[length:].decode(marked, "replace")
    for encoding in filter(None, ("utf-8", declared)):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    guess = from_bytes(data).best()
    if guess is None:
        raise ExtractionError("corrupt")
    return str(guess)


def clean(text: str) -> str:
    """Without what can't be stored, its lines ending in newlines."""
    return UNSTORABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def as_title(text: str) -> str:
    """One line of at most 255 characters, trimmed."""
    return " ".join(clean(text).split())[:MAX_TITLE].rstrip()


def checked(extracted: Extracted) -> Extracted:
    """The same. Raises `ExtractionError` if it is too long or says nothing."""
    if len(extracted.text) > MAX_CHARACTERS:
        raise ExtractionError("too_long")
    if not extracted.text.strip():
        raise ExtractionError("no_text")
    return extracted


def read(path: Path) -> bytes:
    """The bytes of a text file. Raises `ExtractionError` if they are more than a text may have."""
    with path.open("rb") as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise ExtractionError("too_long")
    return data


def extract(path: Path) -> Extracted:
    """A text as it is, be it Markdown, CSV or neither. A heading of the first level that it has is its title."""
    text = clean(decode(read(path)))
    heading = HEADING.search(text)
    return Extracted(text, title=as_title(heading[1]) if heading else "")
