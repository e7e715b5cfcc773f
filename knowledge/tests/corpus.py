"""Files of every kind, whole and broken, made here: what people upload, and what nobody should."""

import io
import struct
import zipfile
from collections.abc import Callable

from docx import Document
from docx.shared import Inches
from fpdf import FPDF
from PIL import Image

from knowledge.extraction.sniffing import OLE

WORD_PART = "word/document.xml"
MAIN = (
    '<?xml version="1.0" encoding="UTF-8"?>{doctype}'
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>'
    "{text}</w:t></w:r></w:p></w:body></w:document>"
)
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ENTITY_BOMB = f'<!DOCTYPE bomb [<!ENTITY l0 "{"ha" * 50}">{LAUGHS}]>'


def pdf(*pages: str, title: str = "", password: str = "", kept: bool = False) -> bytes:
    """A PDF with a page of each text. kept: the password is for what may be done with it, and not for reading it."""
    document = FPDF()
    document.set_font("helvetica", size=12)
    if title:
        document.set_title(title)
    if password:
        document.set_encryption(owner_password=password, user_password="" if kept else password)
    for text in pages:
        document.add_page()
        if text:
            document.multi_cell(0, 6, text)
    return bytes(document.output())


def scanned_pdf() -> bytes:
    """A page that is a picture."""
    document = FPDF()
    document.add_page()
    document.image(Image.new("RGB", (60, 40), "white"), w=100)
    return bytes(document.output())


def pdf_of_pages(count: int) -> bytes:
    """So many empty pages, in few bytes."""
    kids = " ".join(f"{number} 0 R" for number in range(3, count + 3))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {count}/Kids[{kids}]>>".encode(),
        *[page] * count,
    ]
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def docx(heading: str = "Zoo", *paragraphs: str) -> bytes:
    """A Word document with a heading, paragraphs, a list, a table and a picture."""
    document = Document()
    document.add_heading(heading, 1)
    for text in paragraphs:
        document.add_paragraph(text)
    document.add_paragraph("Hay", style="List Bullet")
    table = document.add_table(2, 2)
    for cell, text in zip(
        (*table.rows[0].cells, *table.rows[1].cells), ("Animal", "Legs", "Elephant", "4"), strict=True
    ):
        cell.text = text
    picture = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(picture, "PNG")
    document.add_picture(picture, width=Inches(1))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def zipped(parts: dict[str, bytes]) -> bytes:
    """A zip of parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def docx_with(**replaced: bytes) -> bytes:
    """A Word document of which some parts are replaced: `main`, `links`."""
    names = {"main": WORD_PART, "links": "word/_rels/document.xml.rels"}
    with zipfile.ZipFile(io.BytesIO(docx())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return zipped(parts | {names[name]: data for name, data in replaced.items()})


def docx_saying(text: str, doctype: str = "") -> bytes:
    """A Word document whose XML has this text, as it stands, and this before it."""
    return docx_with(main=MAIN.format(text=text, doctype=doctype).encode())


def zip_bomb(size: int = 150 * 2**20) -> bytes:
    """A Word document that would unpack to so many bytes of spaces."""
    return docx_with(main=b" " * size)


def lying_zip_bomb(size: int = 40 * 2**20) -> bytes:
    """The same, but the directory tells another size."""
    data = zip_bomb(size)
    return data.replace(struct.pack("<I", size), struct.pack("<I", 1_000))


def protected_docx() -> bytes:
    """What Office makes of a document with a password, as far as its directory."""
    header = bytearray(512)
    header[:8] = OLE
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 48, 1)
    names = ("Root Entry", "EncryptionInfo", "EncryptedPackage")
    directory = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in names)
    return bytes(header) + bytes(512) + directory.ljust(512, b"\0")


def halved(data: bytes) -> bytes:
    """The half that arrived."""
    return data[: len(data) // 2]


PAGE = """<!DOCTYPE html>
<html><head><title>The  zoo</title><style>p { color: red }</style><script>alert("never")</script></head>
<body><nav><a href="/">Home</a></nav><main><h1>Animals</h1><p>The <b>elephant</b> sleeps.</p>
<ul><li>Hay</li><li>Water</li></ul>
<table><tr><th>Animal</th><th>Legs</th></tr><tr><td>Elephant</td><td>4</td></tr></table>
<img src="http://elsewhere.example/pixel.png" alt="A pixel"></main><footer>Imprint</footer></body></html>"""

# What is broken, by name: a file name, how it is made, and the code that its reading ends with.
BROKEN: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "encrypted_pdf": ("secret.pdf", lambda: pdf("Secret", password="hunter2"), "encrypted"),
    "truncated_pdf": ("half.pdf", lambda: b"%PDF-1.7\n" + bytes(range(256)) * 20, "corrupt"),
    "many_pages": ("book.pdf", lambda: pdf_of_pages(5_000), "too_many_pages"),
    "scanned": ("scan.pdf", scanned_pdf, "no_text"),
    "blank_pages": ("blank.pdf", lambda: pdf("", ""), "no_text"),
    "truncated_docx": ("half.docx", lambda: halved(docx()), "corrupt"),
    "empty_docx": ("empty.docx", lambda: docx_saying(""), "no_text"),
    "not_xml": ("bad.docx", lambda: docx_with(main=b"<w:document"), "corrupt"),
    "zip_bomb": ("bomb.docx", zip_bomb, "zip_bomb"),
    "small_zip_bomb": ("bomb.docx", lambda: zip_bomb(20 * 2**20), "zip_bomb"),
    "lying_zip_bomb": ("bomb.docx", lying_zip_bomb, "corrupt"),
    "entity_bomb": ("bomb.docx", lambda: docx_saying("&l9;", ENTITY_BOMB), "corrupt"),
    "protected_docx": ("secret.docx", protected_docx, "encrypted"),
    "long_text": ("long.txt", lambda: b"word " * 200_001, "too_long"),
    "very_long_text": ("long.txt", lambda: b"word " * 900_000, "too_long"),
    "blank_text": ("blank.txt", lambda: b" \n\t\n", "no_text"),
    "page_without_text": ("a.html", lambda: b"<html><body><script>alert(1)</script></body></html>", "no_text"),
}
