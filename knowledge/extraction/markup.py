"""HTML as Markdown: headings, lists and tables stay; scripts, styles and what leads about the site go."""

import re
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from bs4.dammit import EncodingDetector
from markdownify import MarkdownConverter

from knowledge.extraction.text import Extracted, as_title, clean, decode

# What a reader of the page doesn't read. Of a page there may be much more than there is text in it.
FURNITURE = [
    *("script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "audio", "video"),
    *("nav", "footer", "aside", "dialog", "menu", "button", "select", "input", "textarea", "head", "title"),
    '[role="navigation"]',
    '[aria-hidden="true"]',
    "[hidden]",
]
EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*\n")
TRAILING_SPACE = re.compile(r"[ \t]+$", re.MULTILINE)


class Converter(MarkdownConverter):
    """Words for search and for people: no addresses, no images, nothing escaped."""

    class Options:
        """What differs from the library's own choice."""

        heading_style = "atx"
        bullets = "-"
        strip = ["a", "img"]
        escape_asterisks = False
        escape_underscores = False
        table_infer_header = True


def extract(path: Path) -> Extracted:
    """A page's main part. Its encoding is what its mark, UTF-8, or the page itself says. Raises `ExtractionError`."""
    data = path.read_bytes()
    soup = BeautifulSoup(decode(data, EncodingDetector.find_declared_encoding(data, is_html=True)), "html.parser")
    title = as_title(soup.title.get_text()) if soup.title else ""
    for element in soup.select(", ".join(FURNITURE)):
        element.decompose()
    return Extracted(as_markdown(soup.find("main") or soup.body or soup), title=title)


def as_markdown(soup: Any) -> str:
    """The Markdown of an element, or of a whole page."""
    text = clean(Converter().convert_soup(soup))
    return EMPTY_LINES.sub("\n\n", TRAILING_SPACE.sub("", text)).strip()
