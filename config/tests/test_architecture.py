"""Who may import whom: the table in docs/architecture.md, held."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "web": set[str](),
    "audit": {"web"},
    "accounts": {"audit", "web"},
    "resources": {"accounts", "audit", "web"},
    "tasks": {"accounts", "audit", "resources", "web"},
    "knowledge": {"accounts", "audit", "resources", "web"},
    "config": {"accounts", "audit", "knowledge", "resources", "tasks", "web"},
}
# Modules that know nothing of models, so that they can be read, tested and used without a database.
PURE = [
    "audit.histogram",
    "audit.merkle",
    "audit.note",
    "knowledge.chunking",
    "knowledge.embeddings",
    "knowledge.extraction",
    "knowledge.outline",
    "knowledge.minilm",
    "tasks.positions",
]
NAMES_OF_NOTHING = {"core", "common", "utils", "helpers"}


def product() -> dict[str, ast.Module]:
    """Module name → syntax tree, of everything but tests."""
    trees = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if "tests" not in path.parts:
                parts = path.relative_to(ROOT).with_suffix("").parts
                trees[".".join(part for part in parts if part != "__init__")] = ast.parse(path.read_text())
    return trees


PRODUCT = product()


def imported(tree: ast.AST) -> Iterator[str]:
    """The full names of what a module imports; `from a import b` may mean the module a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield from (
                name if (name := f"{node.module}.{alias.name}") in PRODUCT else node.module for alias in node.names
            )


@pytest.mark.parametrize("module", PRODUCT)
def test_a_module_imports_only_the_rooms_below_its_own(module: str) -> None:
    room = module.split(".")[0]
    entered = {name.split(".")[0] for name in imported(PRODUCT[module])} & ROOMS.keys()

    assert entered <= ROOMS[room] | {room}
    assert not any(name.split(".")[0] == "benchmarks" for name in imported(PRODUCT[module]))


def test_the_table_in_the_docs_is_the_one_that_is_held() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    for room, below in ROOMS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{room}` |"))
        named = {word.strip(" `") for word in row.split("|")[3].split(",")}
        assert named == ({"no room"} if not below else {"all"} if room == "config" else below)


def test_there_is_no_import_cycle() -> None:
    graph = {module: {name for name in imported(tree) if name in PRODUCT} for module, tree in PRODUCT.items()}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(" → ".join(cycle.args[1]))


@pytest.mark.parametrize("module", PRODUCT)
def test_imports_stand_at_the_top(module: str) -> None:
    functions = [node for node in ast.walk(PRODUCT[module]) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert not [name for function in functions for name in imported(function)]


@pytest.mark.parametrize("pure", PURE)
def test_a_pure_module_imports_no_models(pure: str) -> None:
    for module, tree in PRODUCT.items():
        if module == pure or module.startswith(f"{pure}."):
            assert not [name for name in imported(tree) if name.startswith("django") or name.endswith("models")]


def test_no_room_is_named_after_nothing() -> None:
    assert not {part for module in PRODUCT for part in module.split(".")} & NAMES_OF_NOTHING
