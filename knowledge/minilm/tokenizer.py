"""The model's word pieces, usable without loading the model itself.

Loading takes about 20 ms and 10 MB, once per process, whichever thread comes first.
"""

import re
import threading
from functools import cache
from typing import Final

from tokenizers import Encoding, Tokenizer

from knowledge.minilm.files import TOKENIZER_NAME, verified_file

CLS_ID: Final = 101
SEP_ID: Final = 102
PAD_ID: Final = 0
# What the model reads at once, the two special tokens included.
MAX_TOKENS: Final = 256
SPECIAL_TOKENS: Final = 2

# Half of a surrogate pair, which JSON's \\u escapes let through and UTF-8, the tokenizer's input, can't
# express.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_loading = threading.Lock()


@cache
def _load() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(verified_file(TOKENIZER_NAME)))
    # The published file bakes in truncation and padding to 128 word pieces.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def encode(text: str) -> Encoding:
    """Split the whole text into word pieces, without the special tokens; offsets count characters of `text`.

    One text per call, because the batch call starts a thread pool that doesn't survive a fork. Raises
    EmbeddingError if the tokenizer's file is missing or not the published one.
    """
    with _loading:
        tokenizer = _load()
    # U+FFFD is as long and is dropped by the tokenizer.
    return tokenizer.encode(_LONE_SURROGATE.sub("\ufffd", text), add_special_tokens=False)


def count(text: str) -> int:
    """Count the word pieces of a text, without the special tokens."""
    return len(encode(text))
