"""The live server keeps what its description promises, asked what this allows and much that it doesn't.

schemathesis makes the requests up. Its checks: no 5xx; every status, content type, header and body as described; what
the description allows is accepted, what it forbids is refused; methods and credentials are enforced; what was made is
there, what was deleted isn't; and what one user gets is refused to another (`object_level_authorization`).
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.tests.quickstart import PASSWORD, Client, Quickstart, home, wait_for

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
OWNER, PEER = ({"email": f"{name}@example.com", "password": PASSWORD} for name in ("owner", "peer"))


@pytest.fixture
def daybook() -> Iterator[Quickstart]:
    """A live server with its worker, on which the owner has something of everything, and the peer nothing."""
    with home() as place:
        running = place.running()
        running.client.signed_up(PEER["email"])
        owner = running.client.signed_up(OWNER["email"])
        for title in ("Feed the elephant", "Open the gate"):
            owner.post("tasks", {"title": title})
        owner.post("labels", {"name": "Zoo"})
        # Some of them, for some are deleted.
        for colour in ("blue", "red", "white", "green"):
            content = f"The elephant sleeps in the {colour} tent."
            owner.post("knowledge/documents", {"title": "Zoo", "content": content})
        wait_for(lambda: not owner.unfinished())
        yield running


@pytest.fixture
def desk(tmp_path: Path, daybook: Quickstart) -> Path:
    """Where schemathesis works: its settings, and what only this server's owner can know."""
    desk = tmp_path / "desk"
    shutil.copytree(HERE, desk)
    owner = daybook.client.signed_in(OWNER)
    event = owner.everything("audit/events")[-1]["id"]
    task, neighbour = (each["id"] for each in owner.everything("tasks"))
    known = {
        "document": [document["id"] for document in owner.everything("knowledge/documents")],
        "event": [event],
        "label": [owner.everything("labels")[0]["id"]],
        "refresh": [owner.post("auth/token", OWNER)["refresh"]],
        "task": [task],
        "neighbour": [neighbour],
        "size": [sealed(owner, event)["tree_size"]],
    }
    with (desk / "schemathesis.toml").open("a") as settings:
        settings.writelines(f"\n[dictionaries.{name}]\nvalues = {json.dumps(known[name])}\n" for name in known)
    return desk


def sealed(owner: Client, event: str) -> dict[str, Any]:
    """The proof that an event is in the record, as soon as there is one."""
    wait_for(lambda: owner.call("GET", f"audit/events/{event}/proof")[0] == 200)
    proof: dict[str, Any] = owner.get(f"audit/events/{event}/proof")
    return proof


def ask(daybook: Quickstart, desk: Path, examples: int) -> subprocess.CompletedProcess[str]:
    """One run of schemathesis, of about `examples` made-up requests for each operation; it reports into the desk."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--no-color", "run"),
        *(f"http://127.0.0.1:{daybook.port}/api/v1/openapi.json", "--checks", "all", "--seed", "1"),
        *("--max-examples", str(examples), "--report", "json,ndjson"),
        *("--report-json-path", "report.json", "--report-ndjson-path", "report.ndjson"),
    ]
    return subprocess.run(command, cwd=desk, capture_output=True, text=True, check=False)


def answered(desk: Path) -> dict[str, bool]:
    """The operations that were asked, and whether they gave what they are there for at least once."""
    rates: dict[str, Any] = json.loads((desk / "report.json").read_text())["valid_rates"]
    return {operation: any(phase["accepted"] for phase in phases.values()) for operation, phases in rates.items()}


def asked_by_the_peer(desk: Path) -> set[str]:
    """The operations that were repeated as the peer, because the owner got something of their own."""
    events = map(json.loads, (desk / "report.ndjson").read_text().splitlines())
    recorders = [event["ScenarioFinished"]["recorder"] for event in events if "ScenarioFinished" in event]
    cases = [case["value"] for recorder in recorders for case in recorder.get("cases", {}).values()]
    return {f"{case['method']} {case['path']}" for case in cases if case.get("auth_identity") == "peer"}


def lists(description: dict[str, Any]) -> list[str]:
    """The addresses that give pages, of things that lie below nothing else. A feed, which has no last page, is none."""
    operations = {path: methods["get"] for path, methods in description["paths"].items() if "get" in methods}
    pages = [
        path for path, get in operations.items() if "cursor" in {each["name"] for each in get.get("parameters", [])}
    ]
    return [
        path.removeprefix("/api/v1/")
        for path in pages
        if "{" not in path and "410" not in operations[path]["responses"]
    ]


def listed(client: Client, addresses: list[str]) -> set[str]:
    """The ids of everything that the lists show to this user."""
    return {thing["id"] for address in addresses for thing in client.everything(address)}


@pytest.mark.parametrize("examples", [10, pytest.param(200, marks=pytest.mark.exhaustive)])
def test_live_server_keeps_its_contract_whoever_asks_whatever(examples: int, daybook: Quickstart, desk: Path) -> None:
    description = daybook.client.get("openapi.json")
    described = {
        f"{verb.upper()} {path}": operation
        for path, verbs in description["paths"].items()
        for verb, operation in verbs.items()
    }
    # But for what is for staff, who nobody here is.
    operations = {name for name, operation in described.items() if "403" not in operation["responses"]}

    asked = ask(daybook, desk, examples)

    assert asked.returncode == 0, asked.stdout + asked.stderr
    # A run that asks nothing finds nothing. What chance has to hit, an id that is there or a file that can be read, it
    # may miss: that each operation can succeed the client's journey shows.
    accepted = answered(desk)
    assert set(accepted) == operations
    assert sum(accepted.values()) >= 0.7 * len(operations), accepted
    objects = {operation for operation in operations if operation.startswith("GET ") and operation.endswith("/{id}")}
    # With a document's id, which comes from our dictionary, the peer isn't sent; the isolation tests send others there.
    assert len(asked_by_the_peer(desk) & objects) >= len(objects) - 1 > 2
    # What the peer can list schemathesis takes for shared.
    places = lists(description)
    of_the_owner, of_the_peer = (listed(daybook.client.signed_in(person), places) for person in (OWNER, PEER))
    assert of_the_owner
    assert not of_the_owner & of_the_peer
