"""Where variables come from: the process, and in development a `.env` file."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from config import env_source
from config.env_source import environment
from config.env_values import ConfigurationError


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of the process, all of them the test's own."""
    variables: dict[str, str] = {}
    monkeypatch.setattr(env_source, "os", SimpleNamespace(environ=variables))
    return variables


def test_source_without_a_file_is_the_process(process: dict[str, str], tmp_path: Path) -> None:
    process |= {"PORT": "1", "LOG_LEVEL": ""}
    assert environment(tmp_path) == {"PORT": "1"}


def test_source_development_reads_the_file_and_the_process_wins(process: dict[str, str], tmp_path: Path) -> None:
    process |= {"PORT": "1", "LOG_LEVEL": ""}
    (tmp_path / ".env").write_text("# a comment\n\nPORT=2\nexport LOG_LEVEL='DEBUG'\nWEB_THREADS=3\n")
    assert environment(tmp_path) == {"PORT": "1", "LOG_LEVEL": "DEBUG", "WEB_THREADS": "3"}
    assert process == {"PORT": "1", "LOG_LEVEL": ""}


@pytest.mark.parametrize(
    "variable", ["DAYBOOK_ENV=production", "DAYBOOK_ENV=test", "PYTEST_VERSION=9", "RAILWAY_PROJECT_ID=x"]
)
def test_source_elsewhere_the_file_is_not_read(process: dict[str, str], tmp_path: Path, variable: str) -> None:
    name, _, value = variable.partition("=")
    process[name] = value
    (tmp_path / ".env").write_text("PORT=2\n")
    assert environment(tmp_path) == {name: value}


@pytest.mark.parametrize("line", ["DAYBOOK_ENV=production", "DAYBOOK_ENV=test", "RAILWAY_PROJECT_ID=x"])
def test_source_a_file_that_ends_development_is_refused(process: dict[str, str], tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(line)
    with pytest.raises(ConfigurationError, match=r"\.env"):
        environment(tmp_path)


def test_source_lines_that_assign_nothing_are_named_by_number_and_not_repeated(
    process: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text("PORT=1\nJWT_SECRET_KEY = hunter2\n\nhunter2\n")
    with pytest.raises(ConfigurationError) as caught:
        environment(tmp_path)
    assert [problem.variable for problem in caught.value.problems] == [".env, line 2", ".env, line 4"]
    assert "hunter2" not in str(caught.value) + caplog.text


def test_source_a_file_that_is_no_text_is_refused(process: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff")
    with pytest.raises(ConfigurationError, match="can't read"):
        environment(tmp_path)
