"""The client, generated once, and people who use it on a live server."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

PACKAGE = "daybook_client"
CONFIGURATION = Path(__file__).with_name("generator.json")


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the generated package lies, ready to be imported. The generator had nothing to warn of."""
    place = tmp_path_factory.mktemp("client")
    call_command("spectacular", format="openapi-json", file=place / "openapi.json")
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"),
        *("--path", "openapi.json", "--output-path", PACKAGE, "--config", str(CONFIGURATION)),
    ]
    made = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        yield place / PACKAGE


@pytest.fixture
def models(package: Path) -> ModuleType:
    """The types of bodies and answers."""
    return importlib.import_module(f"{PACKAGE}.models")


class Person:
    """Somebody with the client: `ada("tasks_list", limit=1)` is that operation's answer, typed, be it a problem.

    asked: the ids of all operations so far.
    """

    def __init__(self, package: Path, address: str, token: str) -> None:
        kind = importlib.import_module(f"{PACKAGE}.client")
        options: dict[str, Any] = {"base_url": address, "raise_on_unexpected_status": True}
        self.client = kind.AuthenticatedClient(token=token, **options) if token else kind.Client(**options)
        self.asked: set[str] = set()
        # A module an operation, below one a tag.
        self.operations = {path.stem: f"{PACKAGE}.api.{path.parent.name}.{path.stem}" for path in operations(package)}

    def __call__(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Raises `UnexpectedStatus` for an answer that isn't described."""
        self.asked.add(operation)
        function = importlib.import_module(self.operations[operation]).sync_detailed
        return function(*args, client=self.client, **kwargs).parsed


def operations(package: Path) -> list[Path]:
    """The modules of all operations; each is named after its id."""
    return [path for path in package.glob("api/*/*.py") if path.stem != "__init__"]


@pytest.fixture
def people() -> Iterator[list[Person]]:
    """Who has come; they go at the end."""
    came: list[Person] = []
    yield came
    for person in came:
        person.client.get_httpx_client().close()


@pytest.fixture
def visit(package: Path, live_server: LiveServer, people: list[Person]) -> Callable[..., Person]:
    """Makes a person: a stranger, or who has the access token."""

    def come(token: str = "") -> Person:
        people.append(Person(package, live_server.url, token))
        return people[-1]

    return come
