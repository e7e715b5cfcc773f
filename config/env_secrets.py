"""Secrets: what makes one too weak for production, and those that development generates for itself."""

import json
import math
import os
import re
import secrets
import string
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from config.env_values import ConfigurationError, Fault, Problem

_GENERATE = "python -c 'import secrets; print(secrets.token_urlsafe(48))'"
SECRET_MEND = f"set it to the output of: {_GENERATE}"
GENERATED = ("DJANGO_SECRET_KEY", "JWT_SECRET_KEY")

# HS256 needs a key at least as long as its hash: RFC 7518, section 3.2.
_MINIMUM_BYTES = 32
# 128 random bits written as 32 hexadecimal digits are estimated at 99 +- 9 bits and have to pass.
_MINIMUM_BITS = 50

# Short words count only where they stand alone: of 17,000 random base64 secrets one holds "test" inside.
_PLACEHOLDER = re.compile(
    r"""change.?me|change.?this|secret|example|placeholder|insecure|default|password|replace|x{8,}
      | (?<![^\W_]) (?: your | test | testing | dummy | sample | todo | fixme | x{4,} ) (?![^\W_])
      | \$\{ | \{\{ | ^<.*>$""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}")
_ROWS = (
    string.ascii_lowercase,
    string.digits,
    "1234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "!@#$%^&*()",
)
_COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm")
_NEIGHBOURS = {pair for run in (*_ROWS, *_COLUMNS) for pair in pairwise(run)}
_NEIGHBOURS |= {pair[::-1] for pair in _NEIGHBOURS}


def secret_faults(secret: str, production: bool) -> Iterator[Fault]:
    """Yield what is wrong with a secret: white space at its ends anywhere, in production any weakness."""
    if secret != secret.strip():
        yield "begins or ends with white space", "remove the white space around the value"
    if production:
        yield from ((weakness, SECRET_MEND) for weakness in _weaknesses(secret))


def _weaknesses(secret: str) -> Iterator[str]:
    size = len(secret.encode())
    if size < _MINIMUM_BYTES:
        yield f"is too short: {size} bytes, and HS256 needs {_MINIMUM_BYTES} (RFC 7518, section 3.2)"
    if _PLACEHOLDER.search(secret):
        yield "looks like a placeholder, not like a secret"
    elif _is_words_or_digits(secret):
        yield "consists of plain words or digits"
    elif size >= _MINIMUM_BYTES and _estimated_bits(secret) < _MINIMUM_BITS:
        yield "is easy to guess: too few different characters, or a repeated or sequential pattern"


def _is_words_or_digits(secret: str) -> bool:
    """Tell whether nothing is left of the secret without its words and the digits around them."""
    inner = secret.strip(string.digits + string.punctuation + string.whitespace)
    return not _WORD.sub("", inner).strip(string.punctuation + string.whitespace)


def _estimated_bits(secret: str) -> float:
    """Estimate the entropy: characters that neither continue a row nor repeat a triple, x log2(alphabet)."""
    unforeseen = sum(not _is_foreseen(secret, index) for index in range(len(secret)))
    return unforeseen * math.log2(len(set(secret)))


def _is_foreseen(secret: str, index: int) -> bool:
    previous, current = secret[max(index - 1, 0) : index].lower(), secret[index].lower()
    triple = secret[max(index - 2, 0) : index + 1]
    return (previous, current) in _NEIGHBOURS or triple in secret[:index]


def development_secrets(data_dir: Path) -> dict[str, str]:
    """Return the secrets of a development instance by variable, generated at the first call and then kept.

    They live in `<data_dir>/secrets.json` (mode 0600). Of several processes that start at once one wins,
    and all return what it wrote. Raises `ConfigurationError` if the file can't be made, read or understood.
    """
    path = data_dir / "secrets.json"
    try:
        if not path.exists():
            _generate(path)
        return _understood(json.loads(path.read_bytes()))
    except OSError as error:
        mend = "make it readable and writable for this user"
        raise _unusable(path, error.strerror or "unknown error", mend) from None
    except ValueError:
        mend = "delete it; new secrets are generated"
        raise _unusable(path, "it doesn't hold the generated secrets", mend) from None


def _generate(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=".secrets-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({name: secrets.token_urlsafe(48) for name in GENERATED}, file, indent=2)
        # A link appears whole or not at all, and never replaces the file of a process that was faster.
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        Path(draft).unlink()


def _understood(content: object) -> dict[str, str]:
    if not isinstance(content, dict):
        raise ValueError("not an object")
    found = {name: content.get(name) for name in GENERATED}
    kept = {name: text for name, text in found.items() if isinstance(text, str) and len(text) >= _MINIMUM_BYTES}
    if kept != found:
        raise ValueError("a secret is missing or too short")
    return kept


def _unusable(path: Path, reason: str, mend: str) -> ConfigurationError:
    return ConfigurationError([Problem("DAYBOOK_DATA_DIR", f"can't use {path}: {reason}", mend)])
