"""The Merkle tree of RFC 9162 §2.1 over SHA-256: roots, inclusion proofs and consistency proofs.

A node `(level, position)` is the hash of the complete subtree over the leaves [position << level, (position + 1) <<
level). What is stored are the leaf hashes (level 0) and the complete nodes of each further eighth level: at most 1/255
on top of the leaves, and any hash of the tree is at most 255 hashes away for each stored level.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, reduce
from hashlib import sha256
from typing import Self

STEP = 8  # levels from one stored level to the next
EMPTY_ROOT = sha256().digest()

# hashes(level, start, stop): the stored hashes of a level at the positions [start, stop), at most 256 of them.
# The level is a multiple of STEP, and all nodes asked for are complete.
Hashes = Callable[[int, int, int], Sequence[bytes]]


class MissingHashesError(LookupError):
    """The store doesn't hold all the hashes of a tree of that size."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data): no leaf can pass for an inner node."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the complete subtrees that its leaves make up, largest first.

    They are as many as the size has one bits, so a tree of any size grows, and has a root, in O(log size) memory.
    """

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    @classmethod
    def load(cls, size: int, hashes: Hashes) -> Self:
        """The frontier of a stored tree of `size` leaves; raises MissingHashesError."""
        tree = _StoredTree(size, hashes)
        frontier = cls()
        frontier.size = size
        frontier._peaks = [tree.node(*peak) for peak in _peaks(0, size)]
        return frontier

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; return the (level, position, hash) of the nodes to be stored that it completes."""
        level, position, node = 0, self.size, leaf
        completed = []
        while position & 1:
            level, position, node = level + 1, position >> 1, node_hash(self._peaks.pop(), node)
            if level % STEP == 0:
                completed.append((level, position, node))
        self._peaks.append(node)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        return _join(self._peaks)


def inclusion_proof(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """PATH(index, D_size) of RFC 9162 §2.1.3.1: what is needed besides the leaf to compute the root, lowest first.

    Raises ValueError without such a leaf, and MissingHashesError.
    """
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size} leaves has no leaf {index}.")
    tree, proof = _StoredTree(size, hashes), []
    start, stop = 0, size
    while stop - start > 1:
        middle = _split(start, stop)
        if index < middle:
            proof.append(tree.span(middle, stop))
            stop = middle
        else:
            proof.append(tree.span(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(old_size: int, new_size: int, hashes: Hashes) -> list[bytes]:
    """PROOF(old_size, D_new_size) of RFC 9162 §2.1.4.1: that the new tree begins with the leaves of the old.

    Empty for equal sizes and for the empty tree, which the RFC leaves out. Raises ValueError if the old tree isn't the
    smaller one, and MissingHashesError.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"A tree of {new_size} leaves doesn't extend one of {old_size}.")
    if old_size == 0:
        return []
    tree, proof = _StoredTree(new_size, hashes), []
    start, stop = 0, new_size
    while stop != old_size:
        middle = _split(start, stop)
        if old_size <= middle:
            proof.append(tree.span(middle, stop))
            stop = middle
        else:
            proof.append(tree.span(start, middle))
            start = middle
    if start > 0:  # else what is left is the old tree, whose root the verifier has
        proof.append(tree.span(start, stop))
    return proof[::-1]


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf`, a leaf hash, is at `index` of the tree with that size and root (RFC 9162 §2.1.3.2).

    The root must be known to be of that size, as by a checkpoint's signature: some proofs hold for several sizes.
    """
    if not 0 <= index < size or not _are_hashes(leaf, *proof):
        return False
    roots = _climb(index, size - 1, leaf, proof)
    return roots is not None and roots[1] == root


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the new tree begins with all leaves of the old, in their order (RFC 9162 §2.1.4.2).

    A tree is consistent with itself, and each with the empty one, by the empty proof.
    """
    if not 0 <= old_size <= new_size or not _are_hashes(old_root, new_root, *proof):
        return False
    if old_size in (0, new_size):
        expected = EMPTY_ROOT if old_size == 0 else new_root
        return not proof and old_root == expected and (old_size < new_size or new_root == expected)
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    level = _trailing_zeros(old_size)
    roots = _climb((old_size - 1) >> level, (new_size - 1) >> level, path[0], path[1:]) if path else None
    return roots == (old_root, new_root)


def _climb(index: int, last: int, seed: bytes, siblings: Iterable[bytes]) -> tuple[bytes, bytes] | None:
    """Climb from the node at `index` of a level whose last node is `last`; None unless it ends at the root.

    Returns the roots of the tree that ends with the seed's leaves, made of left siblings only, and of the whole tree.
    """
    old = new = seed
    for sibling in siblings:
        if last == 0:
            return None
        if index & 1 or index == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            # The last node of a level has no sibling, and goes up as it is, where its position is even.
            level = _trailing_zeros(index)
            index, last = index >> level, last >> level
        else:
            new = node_hash(new, sibling)
        index, last = index >> 1, last >> 1
    return (old, new) if last == 0 else None


class _StoredTree:
    """The hashes of a stored tree of `size` leaves; each run of 256 stored ones is read once."""

    def __init__(self, size: int, hashes: Hashes) -> None:
        self._size = size
        self._hashes = hashes
        self._rows = cache(self._read)

    def span(self, start: int, stop: int) -> bytes:
        """The Merkle tree hash of the leaves [start, stop), a subtree of this one."""
        return _join([self.node(*peak) for peak in _peaks(start, stop)])

    def node(self, level: int, position: int) -> bytes:
        """The hash of a complete subtree."""
        above = level % STEP
        run, place = divmod(position, 1 << (STEP - above))
        return self._rows(level - above, run)[above][place]

    def _read(self, level: int, run: int) -> list[list[bytes]]:
        """The complete nodes over 256 positions of a stored level: of this level, and of the seven above it."""
        start = run << STEP
        stop = min(start + (1 << STEP), self._size >> level)
        row = list(self._hashes(level, start, stop))
        if len(row) != stop - start:
            raise MissingHashesError(f"Of the nodes {start} to {stop - 1} of level {level}, {len(row)} are stored.")
        rows = [row]
        while len(rows) < STEP:
            pairs = zip(rows[-1][::2], rows[-1][1::2], strict=False)  # an odd one is not complete above
            rows.append([node_hash(left, right) for left, right in pairs])
        return rows


def _peaks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """The (level, position) of the complete nodes that a subtree's leaves [start, stop) make up, largest first."""
    while start < stop:
        level = (stop - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _join(peaks: Sequence[bytes]) -> bytes:
    """The Merkle tree hash over complete subtrees, largest first."""
    return reduce(lambda right, left: node_hash(left, right), reversed(peaks)) if peaks else EMPTY_ROOT


def _split(start: int, stop: int) -> int:
    """Where RFC 9162 divides the leaves [start, stop): after the largest power of two smaller than their number."""
    return start + (1 << (stop - start - 1).bit_length() - 1)


def _trailing_zeros(number: int) -> int:
    """How often a positive number can be halved."""
    return (number & -number).bit_length() - 1


def _are_hashes(*values: bytes) -> bool:
    """Whether each is 32 bytes long: else two of other lengths could stand for the same concatenation."""
    return all(len(value) == len(EMPTY_ROOT) for value in values)
