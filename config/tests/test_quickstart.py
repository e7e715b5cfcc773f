"""`make run`, from nothing to Ctrl-C: the lines that it prints and the README's, pasted into a shell."""

import errno
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import psutil
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config.env import PROJECT_ROOT
from config.management.commands import quickstart
from config.tests.embedded.conftest import alive
from config.tests.quickstart import HOST, Home, Quickstart, Shell, environment, home, wait_for

pytestmark = pytest.mark.slow

BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)
VARYING = {
    re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"): "some id",
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|\+00:00)"): "some time",
    re.compile(r'(?<="next": ")[\w-]+'): "some cursor",
    re.compile(r'(?<="position": ")[0-9a-f]+|(?<="position": \[null, ")[0-9a-f]+'): "some place",
    re.compile(r'(?<="user_agent": ")[^"]*'): "some program",
}


@pytest.fixture(scope="module")
def place() -> Iterator[Home]:
    """Starts and stops; the data stays, from test to test."""
    with home() as made:
        yield made


@pytest.fixture(scope="module")
def first_output(place: Home) -> str:
    """What the very first start says."""
    return place.start().greeting()


@pytest.fixture
def daybook(place: Home, first_output: str) -> Quickstart:
    """A quickstart that serves."""
    return place.running()


# Where there is a curl it is used as well; the stand-in makes the tests run everywhere.
@pytest.fixture(params=["stand-in", *(["curl"] if shutil.which("curl") else [])])
def shell(request: pytest.FixtureRequest, place: Home, tmp_path: Path) -> Iterator[Shell]:
    """A second terminal, in the folder that holds `.daybook`."""
    path = os.environ["PATH"]
    if request.param == "stand-in":
        curl = tmp_path / "curl"
        curl.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PROJECT_ROOT}/config/tests/curl.py" "$@"\n')
        curl.chmod(0o755)
        path = f"{tmp_path}:{path}"
    opened = Shell(place.place, path)
    yield opened
    opened.close()


def normalised(answer: Any) -> str:
    """An answer without what differs each time, a line for each member."""
    text = json.dumps(answer, ensure_ascii=False)
    for pattern, word in VARYING.items():
        text = pattern.sub(word, text)
    rounded = json.loads(text, parse_float=lambda number: round(float(number), 2))
    return json.dumps(rounded, indent=1, ensure_ascii=False)


def readme() -> list[tuple[str, Any]]:
    """The lines of "Five lines", and the answer that is shown for each; None if none is."""
    section = (PROJECT_ROOT / "README.md").read_text().partition("\n## Five lines\n")[2].partition("\n## ")[0]
    blocks = BLOCK.findall(section)
    following = [*blocks[1:], ("", "")]
    return [
        (text.strip(), json.loads(answer) if kind == "json" else None)
        for (language, text), (kind, answer) in zip(blocks, following, strict=True)
        if language == "sh"
    ]


def test_first_start_prints_password_address_and_progress(daybook: Quickstart, first_output: str) -> None:
    kept = daybook.data_dir / "demo.json"

    assert re.search(r"Migrated the database: [1-9]\d* steps\.", first_output)
    assert re.search(r"Embedding the documentation .* (\d+)/\1\n", first_output)
    assert f"Daybook serves on http://{HOST}:{daybook.port}, its admin on" in first_output
    assert daybook.credentials()["password"] in first_output
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_printed_lines_work_when_pasted(shell: Shell, daybook: Quickstart, first_output: str) -> None:
    lines = [line.strip() for line in first_output.splitlines() if line.startswith("  ")]
    assert len(lines) == 4

    token, task, search, audit = [shell.paste(line) for line in lines]

    assert token == ""
    assert json.loads(task)["title"] == "Read the README"
    assert any("row-level security" in hit["content"] for hit in json.loads(search)["results"])
    actions = [event["action"] for event in json.loads(audit)["results"]]
    assert actions[:3] == ["search.performed", "task.created", "session.created"]
    assert actions[-1] == "user.created" or json.loads(audit)["next"]


def test_readme_lines_give_the_answers_shown_there(
    shell: Shell, daybook: Quickstart, request: pytest.FixtureRequest
) -> None:
    demo = daybook.client.signed_in(daybook.credentials())
    # What it stores is stored once; the other shell has done so.
    if stored := demo.everything("knowledge/documents?search=House%20rules"):
        demo.post("knowledge/documents/bulk", {"operations": [{"op": "delete", "id": each["id"]} for each in stored]})
    mine = f"me@{request.node.callspec.id}.example.com"
    shown = readme()
    assert len(shown) == 6 and [answer is None for _, answer in shown] == [True] + [False] * 5

    for line, expected in shown:
        wait_for(lambda: not demo.unfinished())
        printed = shell.paste(line.replace(f"{HOST}:8000", f"{HOST}:{daybook.port}").replace("me@example.com", mine))
        if expected is None:
            assert printed == ""
        else:
            answer = json.loads(printed.replace(mine, "me@example.com"))
            assert normalised(answer) == normalised(expected)


def test_readme_shows_the_main_job() -> None:
    lines = [line for line, _ in readme()]

    for path in ("auth/token", "tasks", "knowledge/documents", "knowledge/search", "audit/events", "auth/register"):
        assert sum(f"/api/v1/{path}" in line for line in lines) == 1


def test_new_user_does_the_main_job_and_sees_all_of_it_in_the_audit_log(daybook: Quickstart) -> None:
    user = daybook.client.signed_up("new@example.com")
    task = user.post("tasks", {"title": "Feed the parrot"})
    document = user.post("knowledge/documents", {"title": "Parrot", "content": "It eats sunflower seeds at noon."})
    wait_for(lambda: not user.unfinished())

    hits = user.found("What does the bird have for lunch?")

    me = user.get("me")["id"]
    assert [hit["document_id"] for hit in hits] == [document["id"]]
    assert [(event["action"], event["actor"], event["object_id"]) for event in user.everything("audit/events")][
        :-2
    ] == [
        ("search.performed", me, ""),
        ("document.updated", "system:worker", document["id"]),
        ("document.created", me, document["id"]),
        ("task.created", me, task["id"]),
    ]
    assert [event["action"] for event in user.everything("audit/events")][-2:] == ["session.created", "user.created"]


def test_what_happened_is_sealed_by_the_worker_and_verified_as_the_readme_says(daybook: Quickstart) -> None:
    user = daybook.client.signed_up("auditor@example.com")
    user.post("tasks", {"title": "Feed the parrot"})
    (event,) = (each for each in user.everything("audit/events") if each["action"] == "task.created")
    wait_for(lambda: user.call("GET", f"audit/events/{event['id']}/proof")[0] == 200)

    section = (PROJECT_ROOT / "README.md").read_text().partition("\n## Prove it\n")[2].partition("\n## ")[0]
    commands, shown = re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)
    printed = [
        subprocess.run(
            [sys.executable, *command.split()[1:]],
            cwd=PROJECT_ROOT,
            env=environment(daybook.data_dir, daybook.port),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in commands.strip().splitlines()
    ]

    assert printed[0].startswith("daybook\n")
    numbers = re.compile(r"[0-9.]+|(?<=root )[\w+/=]+")
    assert numbers.sub("some", printed[1]).split("\n")[-2:] == numbers.sub("some", shown).split("\n")[-2:]


def test_new_user_sees_nothing_of_the_demo_user(daybook: Quickstart) -> None:
    demo = daybook.client.signed_in(daybook.credentials())
    task = demo.post("tasks", {"title": "Water the plants"})
    peer = daybook.client.signed_up("peer@example.com")

    assert peer.everything("tasks") == [] == peer.everything("knowledge/documents")
    assert peer.call("GET", f"tasks/{task['id']}")[0] == 404
    assert peer.found("who can see my data?") == []
    assert {event["action"] for event in peer.everything("audit/events")} == {
        "user.created",
        "session.created",
        "search.performed",
        "task.refused",
    }


def test_demo_user_has_the_whole_documentation_and_finds_in_it(daybook: Quickstart) -> None:
    demo = daybook.client.signed_in(daybook.credentials())
    pages = [PROJECT_ROOT / "README.md", *(PROJECT_ROOT / "docs").rglob("*.md")]

    documents = [each for each in demo.everything("knowledge/documents") if each["metadata"]]

    assert {document["metadata"]["path"] for document in documents} == {
        str(page.relative_to(PROJECT_ROOT)) for page in pages
    }
    hits = demo.found("Which environment variable sets the port that the web server listens on?")
    configuration = next(each["id"] for each in documents if each["metadata"]["path"] == "docs/configuration.md")
    assert configuration in {hit["document_id"] for hit in hits}


def test_second_start_takes_seconds_and_loses_nothing(place: Home, daybook: Quickstart) -> None:
    demo = daybook.client.signed_in(daybook.credentials())
    demo.post("tasks", {"title": "Survive"})
    wait_for(lambda: not demo.unfinished())
    # What staff read of the record is itself put on record.
    lists = ("tasks", "knowledge/documents", "audit/events?action=task.created")
    before = {path: demo.everything(path) for path in lists}
    assert daybook.ctrl_c() == 0

    second = place.start()
    greeting = second.greeting()

    assert second.credentials()["password"] not in greeting and "password in" in greeting
    assert "Embedding" not in greeting and "Migrated" not in greeting
    # By the token of the first run, and nothing was written or indexed since.
    assert {path: demo.everything(path) for path in lists} == before


@pytest.mark.parametrize(
    ("send", "number"),
    [(os.kill, signal.SIGINT), (os.killpg, signal.SIGINT), (os.killpg, signal.SIGHUP)],
    ids=["kill -INT", "Ctrl-C", "terminal closed"],
)
def test_stop_leaves_no_process(send: Callable[[int, int], None], number: int, daybook: Quickstart) -> None:
    wait_for(lambda: len(daybook.tree()) == 5)
    processes = daybook.tree()
    assert alive(daybook.data_dir)

    send(daybook.process.pid, number)

    assert daybook.process.wait(30) == 0
    assert daybook.output.rstrip().splitlines()[-1].startswith("Stopped.")
    assert not [process for process in processes if process.is_running()]
    assert not alive(daybook.data_dir)


def test_taken_port_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        refused = Quickstart(tmp_path, taken.getsockname()[1])

        assert refused.process.wait(30) == 1
    assert re.search(
        rf"CommandError: Port {refused.port} on {HOST} can't be used \(.*\)\. Try PORT=8001 make run\.", refused.errors
    )
    assert refused.output == ""
    assert not (refused.data_dir / "postgres").exists()


def test_child_that_dies_stops_everything(daybook: Quickstart) -> None:
    processes = daybook.tree()

    daybook.child("worker").send_signal(signal.SIGTERM)

    assert daybook.process.wait(30) == 1
    # Told to stop before it had learnt how, it is ended by the signal.
    assert re.search(
        r"CommandError: The worker ended by itself, with status (0|-15); its log is above\.", daybook.errors
    )
    psutil.wait_procs(processes, timeout=5)
    assert not [process for process in processes if process.is_running()]
    assert not alive(daybook.data_dir)


def test_production_is_refused(settings: Settings) -> None:
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="a deployment runs what the Procfile says"):
        call_command("quickstart")


def test_port_that_is_not_ours_to_use_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickstart, "port_fault", lambda port: PermissionError(errno.EACCES, "Permission denied"))
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited"))

    with pytest.raises(CommandError, match=r"Port 80 on 127\.0\.0\.1 can't be used \(Permission denied\)"):
        quickstart.refuse_taken_port(80)


def test_port_that_is_just_being_left_is_waited_for() -> None:
    with socket.socket() as leaving:
        leaving.bind((HOST, 0))
        leaving.listen()
        Timer(0.3, leaving.close).start()

        quickstart.refuse_taken_port(leaving.getsockname()[1])
