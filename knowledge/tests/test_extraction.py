"""What files say, and why some say nothing: each read as in production, by a process of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge.extraction import limits
from knowledge.extraction.failures import MESSAGES, ExtractionError
from knowledge.extraction.process import extract
from knowledge.extraction.sniffing import sniff
from knowledge.extraction.text import Extracted
from knowledge.models import MAX_CONTENT
from knowledge.tests import corpus

Read = Callable[[bytes, str], Extracted]
ZOO = "# Animals\n\nThe **elephant** sleeps.\n\n- Hay\n- Water\n\n| Animal | Legs |\n| --- | --- |\n| Elephant | 4 |"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """What a file says that somebody uploads."""

    def read_file(data: bytes, name: str) -> Extracted:
        path = tmp_path / "file"
        path.write_bytes(data)
        with path.open("rb") as file:
            media_type = sniff(file, name)
        assert media_type
        return extract(path, media_type)

    return read_file


def test_a_text_is_as_long_as_a_document_may_be() -> None:
    assert limits.MAX_CHARACTERS == MAX_CONTENT


def test_a_pdf_says_its_pages_and_where_each_begins(read: Read) -> None:
    pages = ["The elephant sleeps.", "", "Über die Giraffe", "A word that is hyphen-\nated"]

    said = read(corpus.pdf(*pages, "", title="My  zoo"), "a.pdf")

    assert said.title == "My zoo"
    assert said.text == "The elephant sleeps.\n\nÜber die Giraffe\n\nA word that is hyphenated"
    assert said.page_starts == [0, 22, 22, 40, len(said.text)]
    assert said.text[40:].startswith("A word")


def test_a_pdf_that_only_may_not_be_printed_is_read(read: Read) -> None:
    assert read(corpus.pdf("Readable", password="hunter2", kept=True), "a.pdf").text == "Readable"


def test_a_pdf_of_half_its_bytes_is_read_as_far_as_it_goes_or_not_at_all(read: Read) -> None:
    with pytest.raises(ExtractionError) as refusal:
        read(corpus.halved(corpus.pdf("The elephant sleeps.")), "a.pdf")

    assert refusal.value.code in ("corrupt", "no_text")


def test_a_pdf_may_have_two_thousand_pages(read: Read) -> None:
    with pytest.raises(ExtractionError) as refusal:
        read(corpus.pdf_of_pages(limits.MAX_PAGES), "a.pdf")

    assert refusal.value.code == "no_text"


def test_a_word_document_says_headings_lists_and_tables_as_markdown(read: Read) -> None:
    said = read(corpus.docx("Zoo", "The elephant_sleeps. €😀", "*Two* & <three>"), "a.docx")

    assert said.title == "Zoo"
    assert said.page_starts is None
    assert said.text == (
        "# Zoo\n\nThe elephant_sleeps. €😀\n\n*Two* & <three>\n\n- Hay\n\n"
        "| Animal | Legs |\n| --- | --- |\n| Elephant | 4 |"
    )


def test_a_page_says_its_main_part_as_markdown(read: Read) -> None:
    assert read(corpus.PAGE.encode(), "a.html") == Extracted(ZOO, None, "The zoo")


def test_a_page_tells_its_encoding_itself(read: Read) -> None:
    page = '<html><meta charset="koi8-r"><p>Слон спит</p></html>'

    assert read(page.encode("koi8-r"), "a.html").text == "Слон спит"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("# Größe\r\nzwei\rdrei\n".encode(), "# Größe\nzwei\ndrei\n"),
        ("\ufeffGröße".encode(), "Größe"),
        ("\ufeffGröße".encode("utf-16-le"), "Größe"),
        ("\ufeffGröße 😀".encode("utf-16-be"), "Größe 😀"),
        ("\ufeffGröße".encode("utf-32-le"), "Größe"),
        ("Die Straße ist naß, und größer wird sie nicht.".encode("latin-1"), None),
        (b"a,b\n1,2\n", "a,b\n1,2\n"),
        ("\ufeffa NUL\0".encode("utf-16-le"), "a NUL"),
        ("\ufeffhalf \ud800".encode("utf-16-le", "surrogatepass"), "half \ufffd"),
    ],
)
def test_a_text_is_as_it_is(read: Read, data: bytes, text: str | None) -> None:
    assert read(data, "a.txt").text == (text or data.decode("latin-1"))


def test_a_text_has_the_title_of_its_first_heading(read: Read) -> None:
    assert read(b"Before\n## Two\n#  The *zoo* #\n# Three", "a.md").title == "The *zoo*"


def test_a_text_of_a_million_characters_is_the_longest(read: Read) -> None:
    assert len(read("😀".encode() * MAX_CONTENT, "a.txt").text) == MAX_CONTENT


@pytest.mark.parametrize("name", corpus.BROKEN)
def test_a_broken_file_fails_with_a_code_and_a_sentence(name: str, read: Read) -> None:
    file_name, make, code = corpus.BROKEN[name]

    with pytest.raises(ExtractionError) as refusal:
        read(make(), file_name)

    assert refusal.value.code == code
    assert refusal.value.message == MESSAGES[code]


def test_every_sentence_is_one_for_people() -> None:
    assert all(message[0].isupper() and message.endswith(".") and len(message) < 200 for message in MESSAGES.values())


@pytest.mark.parametrize("where", ["file:///etc/passwd", "http://127.0.0.1:9/entity"])
def test_an_entity_that_lies_elsewhere_is_left_out(where: str, read: Read) -> None:
    doctype = f'<!DOCTYPE a [<!ENTITY elsewhere SYSTEM "{where}">]>'

    assert read(corpus.docx_saying("Here&elsewhere;.", doctype), "a.docx").text == "Here."


def test_the_entities_of_a_page_are_text(read: Read) -> None:
    page = f"{corpus.ENTITY_BOMB}<html><body><p>Here &l9;.</p></body></html>"

    assert len(read(page.encode(), "a.html").text) < len(page)
