"""The process that reads files can't do much else, and isn't believed."""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from knowledge.extraction import process
from knowledge.extraction.failures import ExtractionError
from knowledge.extraction.limits import MAX_RESULT_BYTES
from knowledge.extraction.sniffing import DOCX, HTML, PLAIN
from knowledge.tests import corpus

RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="{}" '
    'TargetMode="External"/></Relationships>'
)
LINKED = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><w:body><w:p><w:r><w:t>Here.</w:t></w:r><w:r>'
    '<w:drawing><wp:inline><a:graphic><a:graphicData><pic:pic><pic:blipFill><a:blip r:link="rId1"/></pic:blipFill>'
    "</pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p></w:body></w:document>"
)
PAGE = (
    '<html><head><link rel="stylesheet" href="{0}"><base href="{0}"></head><body><img src="{0}"><iframe src="{0}">'
    "</iframe><p>Here.</p></body></html>"
)


def run(code: str, tmp_path: Path, *, confined: bool = True) -> tuple[int, str]:
    """The exit status of a program that is started as the extraction is, and what it wrote."""
    begin = "from knowledge.extraction import __main__ as m\nm.MAX_CPU_SECONDS = 1\nm._confine()\n" if confined else ""
    output = tmp_path / "output"
    with output.open("wb") as file:
        status = process._run([sys.executable, "-P", "-c", begin + code], str(tmp_path), file)
    return status, output.read_text()


def test_it_knows_none_of_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://hunter2")

    status, said = run("import json, os; print(json.dumps(dict(os.environ)))", tmp_path, confined=False)

    assert status == 0
    assert set(json.loads(said)) <= {"PYTHONPATH", "PYTHONUTF8", "HOME", "TMPDIR", "LC_CTYPE"}


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('file:///etc/passwd')",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
    ],
)
def test_it_reaches_no_network_and_starts_nothing(code: str, tmp_path: Path) -> None:
    status, said = run(f"try:\n    {code}\nexcept PermissionError as exc:\n    print('refused')", tmp_path)

    assert (status, said) == (0, "refused\n")


def test_it_has_little_memory(tmp_path: Path) -> None:
    status, said = run("try:\n    bytearray(2**29)\nexcept MemoryError:\n    print('refused')", tmp_path)

    assert (status, said) == (0, "refused\n")


def test_it_has_little_time(tmp_path: Path) -> None:
    status, _ = run("while True: pass", tmp_path)

    assert status == -signal.SIGXCPU
    assert process._cause(status) == "timed_out"


def test_it_writes_little(tmp_path: Path) -> None:
    code = f"file = open('much', 'wb', 0)\nfile.write(bytes({MAX_RESULT_BYTES}))\ntry:\n    file.write(b' ')\n"
    code += "except OSError:\n    print('refused')"
    status, said = run(code, tmp_path)

    assert (tmp_path / "much").stat().st_size == MAX_RESULT_BYTES
    assert (status, said) == (0, "refused\n")


def test_when_its_time_is_up_it_is_killed_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_SECONDS", 1)
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"

    with pytest.raises(ExtractionError) as refusal:
        run(code, tmp_path, confined=False)

    assert refusal.value.code == "timed_out"
    assert is_gone(int((tmp_path / "output").read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process has ended soon, be it that nobody has taken note of it yet."""
    deadline = monotonic() + 5
    while monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (-signal.SIGALRM, "timed_out"),
        (-signal.SIGXCPU, "timed_out"),
        (-signal.SIGKILL, "out_of_memory"),
        (-signal.SIGSEGV, "corrupt"),
        (1, "corrupt"),
    ],
)
def test_how_it_died_tells_why(status: int, code: str) -> None:
    assert process._cause(status) == code


@pytest.mark.parametrize("library", ["pypdfium2", "mammoth", "bs4"])
def test_of_the_libraries_a_text_needs_none(library: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Zoo")
    code = "from pathlib import Path; import sys; m.extract('text/plain', Path('a.txt')); print(*sys.modules)"

    assert library not in run(code, tmp_path)[1].split()


@pytest.mark.parametrize(
    "result",
    [
        b"",
        b"[]",
        b'{"text": "a"',
        b'{"text": "a", "page_starts": [], "title": null}',
        b'{"text": "a", "page_starts": [2], "title": ""}',
        b'{"text": "a", "page_starts": [1, 0], "title": ""}',
        b'{"text": "a", "page_starts": [true], "title": ""}',
        b'{"text": "a", "page_starts": [-1], "title": ""}',
        json.dumps({"text": "a", "page_starts": [0] * 2_001, "title": ""}).encode(),
        b'{"code": "no such code"}',
        b"\xff",
        b'"' + b"a" * MAX_RESULT_BYTES,
        b"[" * 100_000,
    ],
)
def test_what_it_says_is_looked_at(result: bytes, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(result)

    with pytest.raises(ExtractionError) as refusal:
        process._believe(path)

    assert refusal.value.code == "corrupt"


def test_what_it_says_is_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text('{"text": "a\\u0000\\ud800\\r\\nb", "page_starts": [0, 3], "title": " a\\nb"}')

    said = process._believe(path)

    assert (said.text, said.page_starts, said.title) == ("a\nb", [0, 3], "a b")


@pytest.fixture
def listening() -> Any:
    """A server of this machine, and where it is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server, f"http://127.0.0.1:{server.getsockname()[1]}/asked"


def test_what_lies_elsewhere_is_asked_of_nobody(listening: Any, tmp_path: Path) -> None:
    server, address = listening
    files = {
        DOCX: corpus.docx_with(main=LINKED.encode(), links=RELATIONS.format(address).encode()),
        HTML: PAGE.format(address).encode(),
    }
    for media_type, data in files.items():
        path = tmp_path / "file"
        path.write_bytes(data)
        assert process.extract(path, media_type).text == "Here."

    with pytest.raises(TimeoutError):
        server.accept()


def test_nothing_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("Zoo")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    assert process.extract(tmp_path / "file", PLAIN).text == "Zoo"
    assert os.listdir(scratch) == []
