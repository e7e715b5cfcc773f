"""PDF: the text of each page, by pdfium."""

import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY

from knowledge.extraction.failures import ExtractionError
from knowledge.extraction.limits import MAX_CHARACTERS, MAX_PAGES
from knowledge.extraction.text import Extracted, as_title, clean

BETWEEN_PAGES = "\n\n"
# What pdfium gives for the hyphen of a word that is divided at the end of a line.
HYPHENATION = re.compile("[\x02\ufffe]\n?")


def extract(path: Path) -> Extracted:
    """The pages' texts, one after another. Raises `ExtractionError`."""
    try:
        with PdfDocument(path) as document:
            if len(document) > MAX_PAGES:
                raise ExtractionError("too_many_pages")
            pages = list(_pages(document))
            title = as_title(document.get_metadata_value("Title"))
    except PdfiumError as exc:
        protected = exc.err_code in (FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY)
        raise ExtractionError("encrypted" if protected else "corrupt") from None
    text = "".join(pages).rstrip()
    starts = accumulate(map(len, pages[:-1]), initial=0)
    return Extracted(text, page_starts=[min(start, len(text)) for start in starts], title=title)


def _pages(document: PdfDocument) -> Iterator[str]:
    """Each page's text, with what divides it from the next. One that has none is empty."""
    length = 0
    for page in document:
        textpage = page.get_textpage()
        text = HYPHENATION.sub("", clean(textpage.get_text_bounded())).strip()
        textpage.close()
        page.close()
        text += BETWEEN_PAGES if text else ""
        length += len(text)
        if length > MAX_CHARACTERS + len(BETWEEN_PAGES):
            raise ExtractionError("too_long")
        yield text
