#!/usr/bin/env python3
"""Check what Daybook's audit log says, trusting neither the server nor any of its code.

  verify_audit.py event PROOF.json --key VKEY [--value FIELD=FILE]
  verify_audit.py checkpoints OLD NEW.json --key VKEY

It needs Python 3.11 or newer and the package `cryptography`. It deliberately shares no line with the server's own code:
both follow RFC 9162 §2.1, c2sp.org/signed-note and c2sp.org/tlog-checkpoint, so neither repeats the other's mistakes.
"""

import argparse
import json
import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stderr.write("verify_audit.py needs the package cryptography: python -m pip install cryptography\n")
    sys.exit(2)

PROVED, DISPROVED, UNUSABLE = VERDICTS = ("proved", "disproved", "unusable")  # in the order of their exit codes
LIMITS = """\
The exit code is 0 if it is proved, 1 if it is disproved, 2 if the input can't be used.

What is proved is that the log holds this and that its key signed it, not that what was recorded is true or that
everything was recorded. Who owns the server and its key can rewrite all that no checkpoint outside the server has
caught, so keep the checkpoints that you are given, and check later ones against them."""
KINDS = {str: "a text", int: "a whole number", list: "a list", dict: "an object"}

T = TypeVar("T", str, int, list[Any], dict[str, Any])
Document = dict[str, Any]
Keys = dict[str, Ed25519PublicKey]  # by <name>+<key id in hex>


class DisprovedError(Exception):
    """What was to be proved doesn't hold."""


class UnusableError(Exception):
    """The input isn't what it should be, and proves nothing either way."""


class Checkpoint(NamedTuple):
    """The state of a log, under a good signature."""

    origin: str
    size: int
    root: bytes
    remarks: list[str]
    signers: list[str]

    def __str__(self) -> str:
        what = ", ".join([f"{self.size} events", *self.remarks])
        return f"The checkpoint of {self.origin} ({what}) is signed by {' and '.join(self.signers)}."


def parse(text: str, source: str) -> Document:
    """A JSON object. One that names a member twice means different things to different readers, and is refused."""

    def unrepeated(pairs: list[tuple[str, Any]]) -> Document:
        if len(members := dict(pairs)) < len(pairs):
            raise ValueError("a member is named twice")
        return members

    try:
        document = json.loads(text, object_pairs_hook=unrepeated)
    except ValueError as error:
        raise UnusableError(f"{source} can't be read as JSON: {error}.") from None
    if not isinstance(document, dict):
        raise UnusableError(f"{source} is not a JSON object.")
    return document


def member(document: Document, name: str, kind: type[T]) -> T:
    """A member of exactly that type: true is no number."""
    value = document.get(name)
    if type(value) is not kind:
        raise UnusableError(f"{name!r} is missing, or is not {KINDS[kind]}.")
    return value


def from_base64(text: object) -> bytes:
    """The bytes that have this text as their base64; none if there are no such bytes."""
    try:
        data = b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        return b""
    return data if b64encode(data).decode() == text else b""


def digest(text: object, name: str) -> bytes:
    """32 bytes, always: of other lengths, two concatenations could be cut differently and hash the same."""
    data = from_base64(text)
    if len(data) != 32:
        raise UnusableError(f"{name!r} is not the base64 of 32 bytes.")
    return data


def parse_key(vkey: str) -> tuple[str, Ed25519PublicKey]:
    """Read <name>+<key id>+<base64 of 0x01 and the public key>."""
    name, key_id, encoded = [*vkey.split("+", 2), "", ""][:3]
    key = from_base64(encoded)
    if len(key) != 33 or key[0] != 1 or key_id.lower() != sha256(f"{name}\n".encode() + key).hexdigest()[:8]:
        raise UnusableError("--key is not the <name>+<key id>+<base64> of an Ed25519 key.")
    return f"{name}+{key_id.lower()}", Ed25519PublicKey.from_public_bytes(key[1:])


def open_note(note: str, keys: Keys) -> tuple[str, list[str]]:
    """A note's text, and which of the keys have signed it: at least one, and all of those that it names."""
    if not (parts := re.fullmatch(r"(.*\n)\n((?:— \S+ \S+\n)+)", note, re.DOTALL)):
        raise UnusableError("The checkpoint is not a signed note.")
    pairs = [(name, from_base64(encoded)) for name, encoded in re.findall(r"— (\S+) (\S+)\n", parts[2])]
    signatures = [(f"{name}+{data[:4].hex()}", data[4:]) for name, data in pairs]
    for signer, signature in signatures:
        try:
            if signer in keys:
                keys[signer].verify(signature, parts[1].encode())
        except InvalidSignature:
            raise DisprovedError(f"The checkpoint names {signer}, but that key has not signed it.") from None
    signers = {signer for signer, _ in signatures}
    if not signers & keys.keys():
        raise DisprovedError(f"The checkpoint is signed by {', '.join(sorted(signers))}: none of the keys given.")
    return parts[1], sorted(signers & keys.keys())


def open_checkpoint(note: str, keys: Keys) -> Checkpoint:
    """The checkpoint that a note holds: a line each for origin, size and root, and perhaps further ones."""
    text, signers = open_note(note, keys)
    match text.split("\n"):
        case [origin, size, root, *remarks, ""] if origin and all(remarks) and re.fullmatch("0|[1-9][0-9]{0,18}", size):
            return Checkpoint(origin, int(size), digest(root, "root hash"), remarks, signers)
    raise UnusableError("The signed note is not a checkpoint.")


def node_hash(left: bytes, right: bytes) -> bytes:
    """Of an inner node (RFC 9162 §2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two smaller than the size."""
    return 1 << (size - 1).bit_length() - 1


def rebuild(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root of a tree with this leaf hash at this index; PATH of RFC 9162 §2.1.3.1, undone.

    Here as below, a path that is too short or too long can't be unpacked, which is a ValueError.
    """
    if size == 1:
        [] = path
        return leaf
    *path, sibling = path
    left = split(size)
    if index < left:
        return node_hash(rebuild(leaf, index, left, path), sibling)
    return node_hash(sibling, rebuild(leaf, index - left, size - left, path))


def rebuild_both(old: int, new: int, path: list[bytes], old_root: bytes | None) -> tuple[bytes, bytes]:
    """The roots of a tree at two sizes; SUBPROOF of RFC 9162 §2.1.4.1, undone.

    old_root: of the old tree, as long as it is a subtree, because then the path leaves it out.
    """
    if old == new:
        [known] = [*path, old_root] if old_root else path
        return known, known
    *path, sibling = path
    left = split(new)
    if old <= left:
        before, after = rebuild_both(old, left, path, old_root)
        return before, node_hash(after, sibling)
    before, after = rebuild_both(old - left, new - left, path, None)
    return node_hash(sibling, before), node_hash(sibling, after)


def verify_event(options: argparse.Namespace, keys: Keys) -> Document:
    """That the log holds the event, and that the files are its masked values."""
    document = parse(Path(options.proof).read_text("utf-8"), options.proof)
    checkpoint = open_checkpoint(member(document, "checkpoint", str), keys)
    size, index = member(document, "tree_size", int), member(document, "leaf_index", int)
    if size != checkpoint.size or not 0 <= index < size:
        raise DisprovedError(f"The log that was signed has {checkpoint.size} events, not {size} with one at {index}.")
    path = [digest(item, "hashes") for item in member(document, "hashes", list)]
    leaf = member(document, "leaf", str).encode()
    try:
        root = rebuild(sha256(b"\x00" + leaf).digest(), index, size, path)
    except ValueError:
        raise DisprovedError("The proof has too few or too many hashes for this event.") from None
    if root != checkpoint.root:
        raise DisprovedError("The event is not in the log: its hash doesn't lead to the root that was signed.")
    event = parse(leaf.decode(), "The leaf")
    claims = [str(checkpoint), f"Its log holds the event below, at index {index}."]
    for field, _, file in (value.partition("=") for value in options.value):
        claims.append(f"{file} is the value of {field} {sides(document, event, field, file)} the event.")
    return {"claims": claims, "event": event}


def sides(document: Document, event: Document, field: str, file: str) -> str:
    """Whether a file is the masked value before the event, after it, or both."""
    commitments = member(event, "commitments", dict).get(field, ())
    salts = member(document, "salts", dict).get(field, ())
    if not all(type(pair) is list and len(pair) == 2 for pair in (commitments, salts)):
        raise UnusableError(f"{field} can't be checked: it was not masked, or its salt is erased or not yours to see.")
    data = Path(file).read_bytes()
    found = [
        side
        for side, commitment, salt in zip(("before", "after"), commitments, salts, strict=True)
        if (commitment, salt) != (None, None)  # there was no value
        and sha256(digest(salt, "salts") + data).digest() == digest(commitment, "commitments")
    ]
    if not found:
        raise DisprovedError(f"{file} is, byte for byte, the value of {field} neither before nor after the event.")
    return " and ".join(found)


def verify_checkpoints(options: argparse.Namespace, keys: Keys) -> Document:
    """That the newer log begins with all events of the older one."""
    text = Path(options.old).read_text("utf-8")
    kept = member(parse(text, options.old), "note", str) if text.lstrip().startswith("{") else text
    document = parse(Path(options.new).read_text("utf-8"), options.new)
    old, new = open_checkpoint(kept, keys), open_checkpoint(member(document, "note", str), keys)
    if [document.get(name) for name in ("origin", "size", "root_hash")] != [*new[:2], b64encode(new.root).decode()]:
        raise DisprovedError(f"{options.new} has another origin, size or root_hash than its signed note.")
    if old.origin != new.origin:
        raise DisprovedError(f"The checkpoints are of two logs: {old.origin} and {new.origin}.")
    if old.size > new.size:
        raise DisprovedError(f"The log has shrunk, from {old.size} events to {new.size}.")
    path = [digest(item, "consistency") for item in member(document, "consistency", list)]
    try:
        roots = rebuild_both(old.size, new.size, path, old.root) if old.size else (sha256().digest(), new.root)
    except ValueError:
        raise DisprovedError(
            "The proof has too few or too many hashes for these sizes: was it asked with since=<old size>?"
        ) from None
    if roots != (old.root, new.root):
        raise DisprovedError("The newer log doesn't begin with the events of the older: the past was changed.")
    return {"claims": [str(old), str(new), f"The newer log begins with the same {old.size} events as the older."]}


def shown(value: object) -> str:
    """In one line, without control characters, which a terminal would obey."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def in_words(result: Document) -> Iterator[str]:
    """A line for each claim, then for each field of the event, its changes and its detail."""
    yield from (f"Proved: {shown(claim)}" for claim in result["claims"])
    for name, value in result.get("event", {}).items():
        inner = value if isinstance(value, dict) else {}
        yield from (f"  {shown(f'{name}.{field}'):<20}  {shown(part)}" for field, part in inner.items())
        if value is not inner:
            yield f"  {shown(name):<20}  {shown(value)}"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    common = argparse.ArgumentParser(add_help=False)
    key = "the log's public key, <name>+<id>+<base64>, from somewhere you trust; repeat it for keys used before"
    common.add_argument("--key", metavar="VKEY", action="append", required=True, help=key)
    common.add_argument("--json", action="store_true", help="answer in JSON")
    about: dict[str, Any] = {"epilog": LIMITS, "formatter_class": argparse.RawDescriptionHelpFormatter}
    whole = argparse.ArgumentParser(description=__doc__, **about)
    commands = whole.add_subparsers(required=True, metavar="{event,checkpoints}")
    event = commands.add_parser("event", parents=[common], help="prove that the log holds an event", **about)
    event.add_argument("proof", metavar="PROOF.json", help="the answer of GET …/audit/events/{id}/proof")
    value = "prove as well that the file is, byte for byte, what the masked field was; may be repeated"
    event.add_argument("--value", metavar="FIELD=FILE", action="append", default=[], help=value)
    event.set_defaults(verify=verify_event)
    growth = commands.add_parser("checkpoints", parents=[common], help="prove that the log has only grown", **about)
    growth.add_argument("old", metavar="OLD", help="a checkpoint you kept: the signed note, or JSON with a `note`")
    growth.add_argument("new", metavar="NEW.json", help="the answer of GET …/checkpoints/latest?since=<OLD's size>")
    growth.set_defaults(verify=verify_checkpoints)
    return whole


def main() -> int:
    """Verify, say so, and return the exit code."""
    options = parser().parse_args()
    try:
        result = options.verify(options, dict(map(parse_key, options.key)))
        verdict, words = PROVED, "\n".join(in_words(result))
        answer = json.dumps({"verdict": verdict, **result})
    except (DisprovedError, UnusableError, OSError, UnicodeError, RecursionError) as error:
        verdict = DISPROVED if isinstance(error, DisprovedError) else UNUSABLE
        words = f"{verdict.capitalize()}: {shown(str(error))}"
        answer = json.dumps({"verdict": verdict, "reason": str(error)})
    stream = sys.stdout if options.json or verdict != UNUSABLE else sys.stderr
    stream.buffer.write(f"{answer if options.json else words}\n".encode(stream.encoding, "backslashreplace"))
    return VERDICTS.index(verdict)


if __name__ == "__main__":
    sys.exit(main())
