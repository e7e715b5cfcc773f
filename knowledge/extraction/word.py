"""Word (.docx): by mammoth to HTML, and from there to Markdown."""

import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Final
from xml.parsers import expat

import mammoth
from bs4 import BeautifulSoup

from knowledge.extraction.failures import ExtractionError
from knowledge.extraction.limits import HARMLESS_BYTES, MAX_PARTS, MAX_RATIO, MAX_UNPACKED_BYTES
from knowledge.extraction.markup import as_markdown
from knowledge.extraction.sniffing import OLE
from knowledge.extraction.text import HEADING, Extracted, as_title

ENCRYPTED: Final = 0x1
NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]


def extract(path: Path) -> Extracted:
    """The text with its headings, lists, tables and notes. Its first heading is its title. Raises `ExtractionError`."""
    with path.open("rb") as file:
        # One with a password isn't a zip any more, but a container of the older kind with a zip in it.
        if file.read(len(OLE)) == OLE:
            raise ExtractionError("encrypted")
        _check(file)
        html = _html(file)
    text = as_markdown(BeautifulSoup(html, "html.parser"))
    heading = HEADING.search(text)
    return Extracted(text, title=as_title(heading[1]) if heading else "")


def _check(file: BinaryIO) -> None:
    """By what the zip says of its parts, of which none is unpacked. What lies has too little memory."""
    try:
        parts = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, NotImplementedError):
        raise ExtractionError("corrupt") from None
    unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    shrinks = unpacked > HARMLESS_BYTES and unpacked > MAX_RATIO * packed
    if unpacked > MAX_UNPACKED_BYTES or shrinks or len(parts) > MAX_PARTS:
        raise ExtractionError("zip_bomb")
    if any(part.flag_bits & ENCRYPTED for part in parts):
        raise ExtractionError("encrypted")


def _html(file: BinaryIO) -> str:
    try:
        html: str = mammoth.convert_to_html(
            file, convert_image=_nothing, include_embedded_style_map=False, external_file_access=False
        ).value
    except expat.ExpatError as exc:
        raise ExtractionError("out_of_memory" if exc.code == NO_MEMORY else "corrupt") from None
    return html


def _nothing(image: Any) -> list[Any]:
    """In the place of an image, which isn't even unpacked."""
    return []
