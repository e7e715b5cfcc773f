"""What kind of file it is, by its content. The name decides between texts only, of which the content doesn't tell."""

import re
import struct
from pathlib import PurePath
from typing import BinaryIO, Final

from knowledge.extraction.text import marked_encoding

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
CSV: Final = "text/csv"
PLAIN: Final = "text/plain"
# What is taken, as people call it.
KINDS: Final = {PDF: "PDF", DOCX: "Word (.docx)", HTML: "HTML", MARKDOWN: "Markdown", PLAIN: "plain text", CSV: "CSV"}

HEAD: Final = 65_536
# ISO 32000-1, annex H, note 13: readers look for it in so many bytes.
PDF_HEAD: Final = 1_024
ZIP: Final = b"PK\x03\x04"
OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
TYPES, MAIN_PART = b"[Content_Types].xml", b"word/document.xml"
# APPNOTE.TXT 4.3.16: of the end of the directory its size only.
END: Final = struct.Struct("<12xI6x")
END_SIGNATURE: Final = b"PK\x05\x06"
MAX_DIRECTORY: Final = 2**20
# What no text has, as file(1) sees it: control characters but for white space, bell, backspace and escape.
NO_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
EXTENSIONS: Final = {".md": MARKDOWN, ".markdown": MARKDOWN, ".csv": CSV}
HTML_EXTENSIONS: Final = {".html", ".htm", ".xhtml"}
# What stands before the first tag: an XML declaration, comments, white space.
PAGE = re.compile(r"(?:\s|<\?[^>]*>|<!--.*?-->)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
TAG = re.compile("<[a-z][a-z0-9]*[ />]", re.IGNORECASE)


def sniff(file: BinaryIO, name: str) -> str | None:
    """The media type; None for what can't be read. Looks at little of the file, and unpacks nothing."""
    file.seek(0)
    head = file.read(HEAD)
    if b"%PDF-" in head[:PDF_HEAD]:
        return PDF
    if head.startswith(ZIP):
        return DOCX if _is_word(file, head) else None
    if head.startswith(OLE):
        return DOCX if _is_protected(file, head) else None
    return _text_type(head, PurePath(name).suffix.lower())


def _is_word(file: BinaryIO, head: bytes) -> bool:
    """By the names in the zip's directory; in a file that was cut off by the part that comes first."""
    directory = _directory(file)
    if directory is None:
        return TYPES in head
    return TYPES in directory and MAIN_PART in directory


def _directory(file: BinaryIO) -> bytes | None:
    """The zip's directory as it is, if it has one of a size that a document's has."""
    size = file.seek(0, 2)
    start = file.seek(max(0, size - END.size - 0xFFFF))
    tail = file.read()
    place = tail.rfind(END_SIGNATURE)
    if place < 0 or len(tail) - place < END.size:
        return None
    (length,) = END.unpack_from(tail, place)
    if length > min(MAX_DIRECTORY, start + place):
        return None
    file.seek(start + place - length)
    return file.read(length)


def _is_protected(file: BinaryIO, head: bytes) -> bool:
    """Whether Office has encrypted it ([MS-OFFCRYPTO] 2.3.4.4): by the names in the container's directory.

    Where that is the header says ([MS-CFB] 2.2): the size of a sector, as a power of two, and the sector's number.
    """
    if len(head) < 512:
        return False
    (shift,) = struct.unpack_from("<H", head, 30)
    (sector,) = struct.unpack_from("<I", head, 48)
    file.seek((sector + 1) << min(shift, 12))
    return "EncryptedPackage".encode("utf-16-le") in file.read(4_096)


def _text_type(head: bytes, extension: str) -> str | None:
    encoding, length = marked_encoding(head)
    if not encoding and NO_TEXT.search(head):
        return None
    # A head can end within a character.
    beginning = head[length:].decode(encoding or "utf-8", "replace")
    is_page = PAGE.match(beginning) or (extension in HTML_EXTENSIONS and TAG.search(beginning))
    return HTML if is_page else EXTENSIONS.get(extension, PLAIN)
