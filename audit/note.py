"""Texts signed with Ed25519 (c2sp.org/signed-note), and the one that seals a log (c2sp.org/tlog-checkpoint)."""
# ruff: noqa: N818 -- an error is named after what is wrong with the note

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"  # the signature type in a key and in its id
MAX_SIGNATURES = 100
MAX_SIZE = 2**63 - 1  # a bigint's
DECIMAL = re.compile("0|[1-9][0-9]{0,18}")
UNFIT = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")  # control characters, and what UTF-8 can't encode


class NoteError(ValueError):
    """A note, or a key for notes, that isn't to be trusted."""


class MalformedKey(NoteError):
    """Not the name or the text of an Ed25519 key for notes."""


class MalformedNote(NoteError):
    """Not a signed note, or not the text of a checkpoint."""


class UnknownKey(NoteError):
    """No signature is by a known key."""


class BadSignature(NoteError):
    """A signature that names a known key isn't by it."""


@dataclass(frozen=True)
class Verifier:
    """A public key and the name it signs under. Raises MalformedKey.

    public_key: 32 bytes (RFC 8032).
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise MalformedKey("A key's name is not empty, and has neither spaces nor plus signs.")
        if len(self.public_key) != 32:
            raise MalformedKey("An Ed25519 key has 32 bytes.")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read `<name>+<key id in hex>+<base64>`, the form in which a key is handed over."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        verifier = cls(name, _decode(encoded)[1:])
        if verifier.vkey != f"{name}+{key_id.lower()}+{encoded}":
            raise MalformedKey("A key is <name>+<key id>+<base64>, of Ed25519 and with the id of its name and bytes.")
        return verifier

    @cached_property
    def key_id(self) -> bytes:
        """4 bytes: what tells apart the keys of one name. An identifier, not a safe hash."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        """The text that `parse()` reads."""
        return f"{self.name}+{self.key_id.hex()}+{_encode(ED25519 + self.public_key)}"

    def verify(self, text: str, signature: bytes) -> None:
        """Raise BadSignature unless the signature (64 bytes) of the text is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except InvalidSignature:
            raise BadSignature(f"The signature is not by the key {self.name}+{self.key_id.hex()}.") from None


class Signer:
    """A private key (RFC 8032's seed, 32 bytes) and the name it signs under. Raises MalformedKey."""

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != 32:
            raise MalformedKey("The seed of an Ed25519 key has 32 bytes.")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note: the text, a blank line, the signature. Raises MalformedNote if a note can't hold the text."""
        if not _is_text(text):
            raise MalformedNote("A note's text ends in a newline, and has no other control characters.")
        signature = _encode(self.verifier.key_id + self._key.sign(text.encode()))
        return f"{text}\n— {self.verifier.name} {signature}\n"


def read_note(note: str, verifiers: Iterable[Verifier]) -> str:
    """The text of a note that at least one of the keys has signed. Raises MalformedNote, UnknownKey or BadSignature.

    Signatures by other keys are passed over; but none that names one of these keys may be wrong.
    """
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    text, signatures = _split(note)
    ours = [(known[name, key_id], signature) for name, key_id, signature in signatures if (name, key_id) in known]
    for verifier, signature in ours:
        verifier.verify(text, signature)
    if not ours:
        names = ", ".join(f"{name}+{key_id.hex()}" for name, key_id, _ in signatures)
        raise UnknownKey(f"The note is signed by {names} only, which is no known key.")
    return text


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log: `size` leaves, whose Merkle tree hash is `root`. Raises MalformedNote.

    origin: the log's unique name.
    root: 32 bytes.
    extensions: further lines of text, not empty.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != 32:
            raise MalformedNote("A checkpoint has a size of at most 63 bits and a root of 32 bytes.")
        lines = (self.origin, *self.extensions)
        if not all(lines) or not _is_text(self.text()) or any("\n" in line for line in lines):
            raise MalformedNote("The origin and each extension of a checkpoint is one line of text.")

    def text(self) -> str:
        """What is signed: a line each for origin, size, root and each extension."""
        return "\n".join([self.origin, str(self.size), _encode(self.root), *self.extensions, ""])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text()` gives, and nothing else."""
        match text.split("\n"):
            case [origin, size, root, *extensions, ""] if DECIMAL.fullmatch(size):
                return cls(origin, int(size), _decode(root), tuple(extensions))
        raise MalformedNote("A checkpoint has a line each for its origin, its size and its root.")


def _split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """A note's text, and of each signature the key's name, the key's id and the signature itself."""
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not _is_text(note):
        raise MalformedNote("A note is a text, a blank line, and signatures.")
    if lines.count("\n") > MAX_SIGNATURES:
        raise MalformedNote(f"The note has more than {MAX_SIGNATURES} signatures.")
    return f"{text}\n", [_split_signature(line) for line in lines[:-1].split("\n")]


def _split_signature(line: str) -> tuple[str, bytes, bytes]:
    match line.split(" "):
        case ["—", name, encoded] if _is_name(name) and len(signature := _decode(encoded)) > 4:
            return name, signature[:4], signature[4:]
    raise MalformedNote("A signature is a line of its own: — <name> <base64>.")


def _is_text(text: str) -> bool:
    return text.endswith("\n") and not UNFIT.search(text)


def _is_name(name: str) -> bool:
    return bool(name) and not UNFIT.search(name) and "+" not in name and not any(map(str.isspace, name))


def _encode(data: bytes) -> str:
    return b64encode(data).decode()


def _decode(text: str) -> bytes:
    """The bytes that `_encode()` gives this text for; none if there are no such bytes."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if _encode(data) == text else b""
