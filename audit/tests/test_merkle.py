"""The Merkle tree against the vectors of Certificate Transparency, and against RFC 9162's own recursive definitions."""

from collections.abc import Callable, Sequence
from functools import cache

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from audit.merkle import (
    EMPTY_ROOT,
    STEP,
    Frontier,
    MissingHashesError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves with which implementations of Certificate Transparency are tested, and the roots over the first n.
VECTORS = {
    "": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "00": "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "10": "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "2021": "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "3031": "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "40414243": "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "5051525354555657": "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "606162636465666768696a6b6c6d6e6f": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
NODES = {
    "0": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "1": "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0-1": "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "2-3": "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "0-3": "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4": "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4-5": "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "6": "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "6-7": "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "4-7": "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
}
BIG = (1 << 16) + 300
LEAVES = [leaf_hash(number.to_bytes(4)) for number in range(BIG)]
EDGES = [1, 2, 3, 254, 255, 256, 257, 258, 511, 512, 513]
BIG_EDGES = [(1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 16) + 256, BIG]


class Store:
    """What a log stores: all that a frontier hands out, growing. It notes what is read, and refuses what may not be."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.levels: dict[int, list[bytes]] = {0: list(leaves)}
        self.reads: list[tuple[int, int, int]] = []
        self.frontier = Frontier()
        for leaf in leaves:
            for level, position, node in self.frontier.append(leaf):
                assert position == len(self.levels.setdefault(level, []))
                self.levels[level].append(node)

    def hashes(self, level: int, start: int, stop: int) -> list[bytes]:
        assert level % STEP == 0 and 0 <= start < stop <= start + 256
        self.reads.append((level, start, stop))
        return self.levels[level][start:stop]

    def cut(self, size: int) -> "Store":
        """The store when the log had `size` leaves."""
        store = Store([])
        store.levels = {level: nodes[: size >> level] for level, nodes in self.levels.items()}
        return store


STORE = Store(LEAVES)


def largest_power_below(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power


@cache
def mth(start: int, stop: int) -> bytes:
    """MTH(D[start:stop]) of RFC 9162 §2.1.1, word for word."""
    if stop - start == 0:
        return EMPTY_ROOT
    if stop - start == 1:
        return LEAVES[start]
    middle = start + largest_power_below(stop - start)
    return node_hash(mth(start, middle), mth(middle, stop))


def path(index: int, start: int, stop: int) -> list[bytes]:
    """PATH(index, D[start:stop]) of RFC 9162 §2.1.3.1, word for word."""
    size = stop - start
    if size == 1:
        return []
    power = largest_power_below(size)
    if index < power:
        return [*path(index, start, start + power), mth(start + power, stop)]
    return [*path(index - power, start + power, stop), mth(start, start + power)]


def subproof(old: int, start: int, stop: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF(old, D[start:stop], whole) of RFC 9162 §2.1.4.1, word for word."""
    size = stop - start
    if old == size:
        return [] if whole else [mth(start, stop)]
    power = largest_power_below(size)
    if old <= power:
        return [*subproof(old, start, start + power, whole=whole), mth(start + power, stop)]
    return [*subproof(old - power, start + power, stop, whole=False), mth(start, start + power)]


def sizes(limit: int = 600) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(1, limit), st.sampled_from([size for size in EDGES if size <= limit]))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[int, int]:
    """A smaller number and a larger or equal one."""
    larger = draw(sizes())
    return draw(st.one_of(st.integers(1, larger), st.just(max(1, larger - 1)))), larger


@st.composite
def mutated(draw: st.DrawFn, proof: list[bytes]) -> list[bytes]:
    """Another proof, however little it differs."""
    other = list(proof)
    place = draw(st.integers(0, max(0, len(proof) - 1)))
    kind = draw(st.sampled_from(["flip", "drop", "add", "swap", "shift", "reverse"]))
    if kind == "add" or not proof:
        other.insert(draw(st.integers(0, len(proof))), draw(st.sampled_from([*proof, EMPTY_ROOT, b"", LEAVES[0]])))
    elif kind == "flip":
        bit = draw(st.integers(0, 255))
        other[place] = (int.from_bytes(other[place]) ^ (1 << bit)).to_bytes(32)
    elif kind == "drop":
        del other[place]
    elif kind == "swap":
        other[place], other[place - 1] = other[place - 1], other[place]
    elif kind == "shift":  # a byte from one hash to its neighbour: together they read the same
        other[place - 1], other[place] = other[place - 1] + other[place][:1], other[place][1:]
    else:
        other.reverse()
    assume(other != proof)
    return other


def test_the_well_known_leaves_have_the_well_known_roots() -> None:
    frontier = Frontier()
    assert (
        frontier.root()
        == EMPTY_ROOT
        == bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    )
    for size, (leaf, root) in enumerate(VECTORS.items(), 1):
        assert frontier.append(leaf_hash(bytes.fromhex(leaf))) == []
        assert (frontier.size, frontier.root().hex()) == (size, root)


@pytest.mark.parametrize(
    ("index", "size", "nodes"),
    [
        (0, 1, []),
        (0, 8, ["1", "2-3", "4-7"]),
        (5, 8, ["4", "6-7", "0-3"]),
        (2, 3, ["0-1"]),
        (1, 5, ["0", "2-3", "4"]),
    ],
)
def test_the_well_known_inclusion_proofs_come_out_and_hold(index: int, size: int, nodes: list[str]) -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS]
    root = bytes.fromhex(list(VECTORS.values())[size - 1])

    proof = inclusion_proof(index, size, Store(leaves).hashes)

    assert [node.hex() for node in proof] == [NODES[name] for name in nodes]
    assert verify_inclusion(leaf=leaves[index], index=index, size=size, proof=proof, root=root)


@pytest.mark.parametrize(
    ("old", "new", "nodes"),
    [
        (1, 1, []),
        (1, 8, ["1", "2-3", "4-7"]),
        (6, 8, ["4-5", "6-7", "0-3"]),
        (2, 5, ["2-3", "4"]),
        (6, 7, ["4-5", "6", "0-3"]),
    ],
)
def test_the_well_known_consistency_proofs_come_out_and_hold(old: int, new: int, nodes: list[str]) -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS]
    roots = [bytes.fromhex(root) for root in VECTORS.values()]

    proof = consistency_proof(old, new, Store(leaves).hashes)

    assert [node.hex() for node in proof] == [NODES[name] for name in nodes]
    assert verify_consistency(old_size=old, old_root=roots[old - 1], new_size=new, new_root=roots[new - 1], proof=proof)


def test_a_growing_tree_has_the_root_of_the_definition_at_every_size() -> None:
    frontier = Frontier()
    for size in range(601):
        assert frontier.root() == mth(0, size)
        frontier.append(LEAVES[size])


def test_a_growing_tree_hands_out_the_complete_nodes_of_each_eighth_level() -> None:
    assert {level: len(nodes) for level, nodes in STORE.levels.items()} == {0: BIG, 8: 257, 16: 1}
    assert STORE.levels[8] == [mth(position << 8, (position + 1) << 8) for position in range(257)]
    assert STORE.levels[16] == [mth(0, 1 << 16)]


@pytest.mark.parametrize("size", [0, *range(1, 20), *EDGES, *BIG_EDGES])
def test_a_loaded_tree_is_the_one_that_grew(size: int) -> None:
    store = STORE.cut(size)

    frontier = Frontier.load(size, store.hashes)

    assert (frontier.size, frontier.root()) == (size, mth(0, size))
    assert len(store.reads) == len({level for level, _, _ in store.reads})


def test_a_loaded_tree_grows_on() -> None:
    frontier = Frontier.load(200, STORE.cut(200).hashes)

    completed = [node for leaf in LEAVES[200:600] for node in frontier.append(leaf)]

    assert completed == [(8, 0, mth(0, 256)), (8, 1, mth(256, 512))]
    assert frontier.root() == mth(0, 600)


def test_every_proof_of_every_small_tree_is_the_one_of_the_definition_and_holds() -> None:
    for size in range(1, 34):
        for index in range(size):
            proof = inclusion_proof(index, size, STORE.cut(size).hashes)
            assert proof == path(index, 0, size)
            assert verify_inclusion(leaf=LEAVES[index], index=index, size=size, proof=proof, root=mth(0, size))
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, STORE.cut(size).hashes)
            assert proof == subproof(old, 0, size, whole=True)
            assert verify_consistency(
                old_size=old, old_root=mth(0, old), new_size=size, new_root=mth(0, size), proof=proof
            )


@given(pairs())
@example((1, 257))
@example((256, 257))
@example((257, 513))
def test_any_proof_is_the_one_of_the_definition_and_holds(pair: tuple[int, int]) -> None:
    number, size = pair
    store = STORE.cut(size)

    inclusion = inclusion_proof(number - 1, size, store.hashes)
    consistency = consistency_proof(number, size, store.hashes)

    assert inclusion == path(number - 1, 0, size)
    assert consistency == subproof(number, 0, size, whole=True)
    assert verify_inclusion(leaf=LEAVES[number - 1], index=number - 1, size=size, proof=inclusion, root=mth(0, size))
    assert verify_consistency(
        old_size=number, old_root=mth(0, number), new_size=size, new_root=mth(0, size), proof=consistency
    )


@pytest.mark.parametrize("size", BIG_EDGES)
@pytest.mark.parametrize("number", [1, 255, 256, 257, 32768, 65280, 65535])
def test_a_proof_across_three_stored_levels_reads_each_run_once(size: int, number: int) -> None:
    store = STORE.cut(size)

    inclusion = inclusion_proof(number - 1, size, store.hashes)
    assert inclusion == path(number - 1, 0, size)
    assert len(store.reads) <= 5 and len(set(store.reads)) == len(store.reads)

    store.reads.clear()
    assert consistency_proof(number, size, store.hashes) == subproof(number, 0, size, whole=True)
    assert len(store.reads) <= 5 and len(set(store.reads)) == len(store.reads)


@given(st.data(), pairs())
def test_no_mutation_of_an_inclusion_proof_holds(data: st.DataObject, pair: tuple[int, int]) -> None:
    number, size = pair
    proof = path(number - 1, 0, size)

    other = data.draw(mutated(proof))

    assert not verify_inclusion(leaf=LEAVES[number - 1], index=number - 1, size=size, proof=other, root=mth(0, size))


@given(st.data(), pairs())
def test_no_mutation_of_a_consistency_proof_holds(data: st.DataObject, pair: tuple[int, int]) -> None:
    old, new = pair
    proof = subproof(old, 0, new, whole=True)

    other = data.draw(mutated(proof))

    assert not verify_consistency(old_size=old, old_root=mth(0, old), new_size=new, new_root=mth(0, new), proof=other)


@given(pairs(), st.integers(-2, 700))
def test_an_inclusion_proof_holds_for_no_other_leaf_index_or_root(pair: tuple[int, int], other: int) -> None:
    index, size = pair[0] - 1, pair[1]
    proof, root = path(index, 0, size), mth(0, size)
    holds: Callable[..., bool] = verify_inclusion
    assume(other != index)

    assert not holds(leaf=LEAVES[index], index=other, size=size, proof=proof, root=root)
    assert not holds(leaf=LEAVES[other], index=index, size=size, proof=proof, root=root)
    assert not holds(leaf=LEAVES[index], index=index, size=size, proof=proof, root=mth(0, size + 1))
    assert not holds(leaf=LEAVES[index], index=index, size=size, proof=proof, root=root[:31])
    assert not holds(leaf=b"", index=index, size=size, proof=proof, root=root)


def test_a_leaf_that_lends_a_byte_to_its_neighbour_does_not_hold() -> None:
    leaf, proof, root = LEAVES[0], path(0, 0, 2), mth(0, 2)

    assert node_hash(leaf[:-1], leaf[-1:] + proof[0]) == root
    assert not verify_inclusion(leaf=leaf[:-1], index=0, size=2, proof=[leaf[-1:] + proof[0]], root=root)


@given(pairs(), st.integers(-2, 700))
def test_a_proof_holds_for_no_tree_of_another_height(pair: tuple[int, int], other: int) -> None:
    number, size = pair
    assume(other < 1 or (other - 1).bit_length() != (size - 1).bit_length())

    assert not verify_inclusion(
        leaf=LEAVES[number - 1], index=number - 1, size=other, proof=path(number - 1, 0, size), root=mth(0, size)
    )
    assert not verify_consistency(
        old_size=number,
        old_root=mth(0, number),
        new_size=other,
        new_root=mth(0, size),
        proof=subproof(number, 0, size, whole=True),
    )


@given(pairs(), st.integers(-2, 700))
def test_a_consistency_proof_holds_for_no_other_old_tree_or_root(pair: tuple[int, int], other: int) -> None:
    old, new = pair
    proof = subproof(old, 0, new, whole=True)
    holds: Callable[..., bool] = verify_consistency
    assume(other != old)

    roots = {"old_root": mth(0, old), "new_root": mth(0, new)}
    assert not holds(old_size=other, new_size=new, proof=proof, **roots)
    assert not holds(old_size=old, new_size=new, proof=proof, **roots | {"old_root": mth(0, old + 1)})
    assert not holds(old_size=old, new_size=new, proof=proof, **roots | {"new_root": mth(0, new + 1)})
    assert not holds(old_size=old, new_size=new, proof=proof, **roots | {"new_root": b""})


@pytest.mark.parametrize(
    ("old", "new", "proof", "holds"),
    [
        ((0, EMPTY_ROOT), (0, EMPTY_ROOT), [], True),
        ((0, EMPTY_ROOT), (3, mth(0, 3)), [], True),
        ((3, mth(0, 3)), (3, mth(0, 3)), [], True),
        ((0, EMPTY_ROOT), (3, mth(0, 3)), [LEAVES[2]], False),
        ((0, mth(0, 3)), (3, mth(0, 3)), [], False),
        ((0, mth(0, 3)), (0, mth(0, 3)), [], False),
        ((0, EMPTY_ROOT), (0, mth(0, 3)), [], False),
        ((3, mth(0, 3)), (3, mth(0, 4)), [], False),
        ((3, mth(0, 3)), (3, mth(0, 3)), [LEAVES[2]], False),
        ((3, mth(0, 3)), (4, mth(0, 4)), [], False),
        ((4, mth(0, 4)), (3, mth(0, 3)), [], False),
        ((3, b"short"), (3, b"short"), [], False),
        ((-1, EMPTY_ROOT), (3, mth(0, 3)), [], False),
    ],
)
def test_a_tree_extends_itself_and_the_empty_one_by_the_empty_proof_only(
    old: tuple[int, bytes], new: tuple[int, bytes], proof: list[bytes], holds: bool
) -> None:
    verdict = verify_consistency(old_size=old[0], old_root=old[1], new_size=new[0], new_root=new[1], proof=proof)

    assert verdict is holds


def test_the_empty_tree_needs_no_proof_and_reads_nothing() -> None:
    store = Store([])

    assert consistency_proof(0, 0, store.hashes) == consistency_proof(0, 5, store.hashes) == []
    assert store.reads == []


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3), (4, 3)])
def test_a_leaf_that_is_not_in_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"A tree of {size} leaves has no leaf {index}"):
        inclusion_proof(index, size, STORE.hashes)


@pytest.mark.parametrize(("old", "new"), [(4, 3), (-1, 3), (-2, -1)])
def test_a_tree_extends_no_larger_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match=f"A tree of {new} leaves doesn't extend one of {old}"):
        consistency_proof(old, new, STORE.hashes)


@pytest.mark.parametrize(("lost", "level"), [(0, 0), (299, 0), (0, 8)])
def test_a_store_that_lost_a_hash_is_found_out(lost: int, level: int) -> None:
    store = STORE.cut(300)
    del store.levels[level][lost]

    with pytest.raises(MissingHashesError, match=f"of level {level}, "):
        inclusion_proof(0 if lost == 0 and level == 0 else 299, 300, store.hashes)
