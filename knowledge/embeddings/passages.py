"""What is embedded for a passage: the title of its document, as far as it is read, and the passage below it."""

from typing import Final

from knowledge.minilm.tokenizer import encode

# What the model reads of a title before each passage, in word pieces.
TITLE_TOKENS: Final = 64


def shortened(title: str) -> str:
    """The title's first word pieces."""
    pieces = encode(title)
    return title if len(pieces) <= TITLE_TOKENS else title[: pieces.offsets[TITLE_TOKENS - 1][1]]


def embedded_text(title: str, content: str) -> str:
    """What a passage's vector is of."""
    return f"{shortened(title)}\n{content}"
