"""What a file is, is told by its content."""

import io
import zipfile

import pytest

from knowledge.extraction.sniffing import CSV, DOCX, HTML, MARKDOWN, PDF, PLAIN, sniff
from knowledge.tests import corpus

UTF_16 = "\ufeffDer Bär".encode("utf-16-le")


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (corpus.pdf("Zoo"), "a.txt", PDF),
        (b"\n\n%PDF-1.4 and so on", "a", PDF),
        (corpus.docx(), "a.pdf", DOCX),
        (corpus.halved(corpus.docx()), "a.docx", DOCX),
        (corpus.protected_docx(), "a.docx", DOCX),
        (b"<!DOCTYPE html><p>Zoo", "a.md", HTML),
        (b'<?xml version="1.0"?>\n<!-- saved -->\n<HTML lang="en">', "a", HTML),
        (b"<p>Zoo</p>", "a.html", HTML),
        (b"<div align='center'>Zoo</div>", "README.md", MARKDOWN),
        (b"<p>Zoo</p>", "a.txt", PLAIN),
        (b"No tag at all", "a.html", PLAIN),
        (b"# Zoo", "A.MARKDOWN", MARKDOWN),
        (b"a,b\n1,2\n", "a.csv", CSV),
        (b"# Zoo", "a.exe", PLAIN),
        (b"# Zoo", "", PLAIN),
        ("Der Bär".encode("latin-1"), "a.txt", PLAIN),
        (UTF_16, "a.csv", CSV),
        (b"\x1b[1mbold\x1b[0m\x0c", "log", PLAIN),
        ("é".encode() * 40_000, "cut within a character.txt", PLAIN),
    ],
)
def test_a_file_is_taken_for_what_its_content_says(data: bytes, name: str, media_type: str) -> None:
    assert sniff(io.BytesIO(data), name) == media_type


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"\x1f\x8b\x08\x00",
        b"\x7fELF",
        b"text with a \x00 in it",
        UTF_16[2:],
        corpus.zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}),
        corpus.zipped({"word/document.xml": b"<w/>"}),
        corpus.zipped({}),
        b"PK\x03\x04",
        b"PK\x03\x04" + b"PK\x05\x06" + b"\xff" * 18,
        corpus.OLE,
        corpus.OLE + bytes(1_000),
        corpus.OLE + b"\xff" * 1_000,
    ],
)
def test_what_cant_be_read_is_nothing_whatever_its_name(data: bytes) -> None:
    assert sniff(io.BytesIO(data), "a.docx") is None


def test_a_directory_that_is_too_large_isnt_looked_at() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number:060}", b"")
        archive.writestr("[Content_Types].xml", b"")
        archive.writestr("word/document.xml", b"")

    assert sniff(file, "a.docx") is None
