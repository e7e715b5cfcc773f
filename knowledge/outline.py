"""The structure of a Markdown or plain text: where its sections, paragraphs, lines and sentences begin.

What counts as a heading or a fenced code block follows CommonMark 0.31, sections 4.2, 4.3 and 4.5, for the
blocks that stand at the top level of the document.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MAX_TITLE: Final = 120

_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}+(?=[^`]*$)|~{3,}+)(?P<info>.*)", re.DOTALL)
_ATX = re.compile(r" {0,3}(?P<marks>#{1,6})(?:[ \t\r]|$)")
_UNDERLINE = re.compile(r" {0,3}(?P<mark>=+|--+)[ \t\r]*$")
# A line that can't be the text of an underlined heading: indented code, a list item, a quote, a table, a
# fence.
_NOT_A_TITLE = re.compile(r"\s{4}|\s*(?:[-*+>|#=`~]|\d+[.)])")
# A full stop or its like with closing quotes, before white space and no small letter; the ideographic and
# full-width ones, with the closing brackets of Chinese and Japanese, need no space behind them.
_SENTENCE_END = re.compile(
    r"""[.!?\u2026]["')\]\u2019\u201d]*+\s++(?=[^a-z])"""
    r"""|[\u3002\uff01\uff1f]["\u2019\u201d\u300d\u300f\uff09]*+"""
)


class Level(IntEnum):
    """How well a text may be cut at a place."""

    TOKEN = 0
    WORD = 1
    SENTENCE = 2
    LINE = 3
    PARAGRAPH = 4
    SECTION = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """A place where something of this level begins; a section carries its path of headings."""

    position: int
    level: Level
    heading: str = ""


def sentence_starts(content: str) -> Iterator[int]:
    """Yield the positions just behind the ends of sentences."""
    return (match.end() for match in _SENTENCE_END.finditer(content))


def marks(content: str) -> list[Mark]:
    """List where the sections, paragraphs and lines of a text begin, in order.

    A mark stands at the first visible character. Headings that follow each other directly open one section
    together: a section has a text of its own.
    """
    reader = _Reader()
    lines = content.split("\n")
    position = 0
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        reader.read(line, following, position)
        position += len(line) + 1
    return reader.marks


class _Reader:
    """Reads the lines of a text, one after the other."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self._titles: list[tuple[int, str]] = []
        self._fence = ""
        self._after_blank = True
        self._after_heading = False
        self._is_underline = False

    def read(self, line: str, following: str, position: int) -> None:
        text = line.lstrip()
        if not text:
            self._after_blank = True
            return
        position += len(line) - len(text)
        if self._is_underline:
            self._is_underline = False
            return
        heading = self._heading(line, following)
        if heading:
            self._open_section(*heading, position)
        else:
            self._add_line(position)
        self._toggle_fence(line)
        self._after_heading = heading is not None
        self._after_blank = False

    def _heading(self, line: str, following: str) -> tuple[int, str] | None:
        """The depth and title of the heading that the line is, if it is one."""
        if self._fence:
            return None
        if atx := _ATX.match(line):
            return len(atx["marks"]), _title(line[atx.end() :])
        underline = _UNDERLINE.match(following) if self._after_blank else None
        if underline is None or _NOT_A_TITLE.match(line):
            return None
        self._is_underline = True
        return (1 if underline["mark"].startswith("=") else 2), line.strip()

    def _open_section(self, depth: int, title: str, position: int) -> None:
        """Begin a section, or deepen the one that the previous line began."""
        if self._after_heading:
            position = self.marks.pop().position
        self._titles = [(above, text) for above, text in self._titles if above < depth]
        self._titles.append((depth, _shorten(title)))
        path = " > ".join(text for _, text in self._titles if text)
        self.marks.append(Mark(position, Level.SECTION, path))

    def _add_line(self, position: int) -> None:
        starts_paragraph = self._after_blank and not self._fence
        self.marks.append(Mark(position, Level.PARAGRAPH if starts_paragraph else Level.LINE))

    def _toggle_fence(self, line: str) -> None:
        """Open a fenced code block, or close it with a fence of its kind that is no shorter."""
        match = _FENCE.match(line)
        if match and not self._fence:
            self._fence = match["fence"]
        elif match and match["fence"].startswith(self._fence) and not match["info"].strip():
            self._fence = ""


def _title(text: str) -> str:
    """The title of a heading line without its closing sequence of number signs."""
    text = text.strip()
    bare = text.rstrip("#")
    return bare.rstrip() if not bare or bare[-1].isspace() else text


def _shorten(title: str) -> str:
    """Bound a title: every passage of its section repeats it."""
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"
