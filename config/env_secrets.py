"""Secrets: what makes one too weak for production, and those that development generates for itself."""

import fcntl
import json
import math
import os
import re
import secrets
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from config.env_values import ConfigurationError, Fault, Problem

# The secrets that development makes for itself, and of how many random bytes. An Ed25519 seed has 32 (RFC 8032).
GENERATED = {"DJANGO_SECRET_KEY": 48, "JWT_SECRET_KEY": 48, "AUDIT_SIGNING_KEY": 32}

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


def secret_mend(size: int) -> str:
    """Return the mend that makes a secret of so many random bytes."""
    return f"set it to the output of: python -c 'import secrets; print(secrets.token_urlsafe({size}))'"


SECRET_MEND = secret_mend(48)


def is_token(text: str, size: int) -> bool:
    """Tell whether `secrets.token_urlsafe(size)` could have made it: base64url, unpadded (RFC 4648, section 5).

    Decoding alone doesn't tell: it passes over foreign characters, and over bits that no byte is made of.
    """
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return False
    return len(data) == size and urlsafe_b64encode(data).rstrip(b"=") == text.encode()


def secret_faults(secret: str, production: bool, mend: str = SECRET_MEND) -> Iterator[Fault]:
    """Yield what is wrong with a secret: white space at its ends anywhere, in production any weakness."""
    if secret != secret.strip():
        yield "begins or ends with white space", "remove the white space around the value"
    if production:
        yield from ((weakness, mend) for weakness in _weaknesses(secret))


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

    They live in `<data_dir>/secrets.json` (mode 0600); one that the file lacks is added. Processes that start at once
    all return the same. Raises `ConfigurationError` if the file can't be made, read or understood.
    """
    path = data_dir / "secrets.json"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(path.parent):
            content = _understood(json.loads(path.read_bytes())) if path.exists() else {}
            lacking = {name: secrets.token_urlsafe(size) for name, size in GENERATED.items() if name not in content}
            if lacking:
                content |= lacking
                _write(path, content)
        return {name: content[name] for name in GENERATED}
    except OSError as error:
        mend = "make it readable and writable for this user"
        raise _unusable(path, error.strerror or "unknown error", mend) from None
    except ValueError:
        mend = "delete it; new secrets are generated"
        raise _unusable(path, "it doesn't hold the generated secrets", mend) from None


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Of several processes that start at once one makes the secrets, and the others wait."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Renamed last: a start that is interrupted leaves the file as it was."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content, indent=2), encoding="utf-8")
    draft.replace(path)


def _understood(content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError("not an object")
    for name in GENERATED.keys() & content.keys():
        if not isinstance(content[name], str) or not is_token(content[name], GENERATED[name]):
            raise ValueError("a secret isn't what was generated")
    return content


def _unusable(path: Path, reason: str, mend: str) -> ConfigurationError:
    return ConfigurationError([Problem("DAYBOOK_DATA_DIR", f"can't use {path}: {reason}", mend)])
