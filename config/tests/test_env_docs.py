"""The generated files are true, complete and safe; and only the declaration reads the environment."""

import ast
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from detect_secrets.core import scan
from detect_secrets.settings import default_settings

from config import env_docs
from config.env import DECLARED, PROJECT_ROOT, Environment
from config.env_source import environment
from config.env_values import ConfigurationError

SOURCES = ("config", "accounts", "audit", "tasks", "knowledge", "web", "manage.py")


@pytest.mark.parametrize(
    ("path", "text"), env_docs.GENERATED_FILES.items(), ids=lambda value: getattr(value, "name", "")
)
def test_docs_file_is_what_the_declaration_generates(path: Path, text: Callable[[], str]) -> None:
    assert path.read_text(encoding="utf-8") == text(), "run: python -m config.env_docs"


@pytest.mark.parametrize("text", env_docs.GENERATED_FILES.values())
def test_docs_name_every_variable(text: Callable[[], str]) -> None:
    assert [name for name in DECLARED if name not in text()] == []


@pytest.mark.parametrize("path", env_docs.GENERATED_FILES, ids=lambda path: path.name)
def test_docs_hold_nothing_a_secret_scanner_flags(path: Path) -> None:
    with default_settings():
        assert list(scan.scan_file(str(path))) == []


def test_docs_command_writes_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {}
    monkeypatch.setattr(Path, "write_text", lambda path, text, encoding: written.update({path: text}))
    runpy.run_path(str(env_docs.__file__), run_name="__main__")
    assert written == {path: text() for path, text in env_docs.GENERATED_FILES.items()}


def test_docs_example_file_is_a_valid_development_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DECLARED:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(env_docs.env_example(), encoding="utf-8")
    assert Environment.load(environment(tmp_path)) == Environment.load({})


def test_docs_example_file_uncommented_holds_the_defaults() -> None:
    lines = (line.lstrip("#").partition("=") for line in env_docs.env_example().splitlines() if "= " not in line)
    values = {name: value for name, _, value in lines if name in DECLARED}
    assert Environment.load(values) == Environment.load({})


def test_docs_error_example_that_is_no_error_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_docs, "_FAULTY", {})
    with pytest.raises(AssertionError, match="accepted"):
        env_docs.configuration_page()


def environment_reads(source: str) -> Iterator[str]:
    """Yield each place in a source that reaches the environment other than through the declaration."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv"):
            yield f"line {node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "environ"):
            yield from (
                f"line {node.lineno}: {each.name}" for each in node.names if each.name in ("environ", "getenv", "Env")
            )
        if isinstance(node, ast.Import) and any(each.name.split(".")[0] == "environ" for each in node.names):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def without_settings_module(source: str) -> str:
    """Return a source without the one line an entry point may have: which settings module is Django's."""
    allowed = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")'
    return source.replace(allowed, "pass")


def test_settings_read_the_environment_through_the_declaration_only() -> None:
    entry_points = {PROJECT_ROOT / "manage.py", PROJECT_ROOT / "config" / "wsgi.py"}
    files = [
        file
        for top in SOURCES
        for file in ([PROJECT_ROOT / top] if top.endswith(".py") else (PROJECT_ROOT / top).rglob("*.py"))
    ]
    found = {}
    for file in files:
        if not file.exists() or "tests" in file.parts or file.match("config/env*.py"):
            continue
        source = file.read_text(encoding="utf-8")
        found[str(file)] = list(environment_reads(without_settings_module(source) if file in entry_points else source))
    assert {file: reads for file, reads in found.items() if reads} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A']",
        "import os as o\no.getenv('A')",
        "from os import environ",
        "from os import getenv as g",
        "import environ",
        "from environ import Env",
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "x")',
    ],
)
def test_environment_reads_are_found_however_written(source: str) -> None:
    assert list(environment_reads(without_settings_module(source)))


def test_faulty_example_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Environment.load(env_docs._FAULTY)
    assert str(caught.value) in env_docs.configuration_page()
