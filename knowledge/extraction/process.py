"""Reads a file in a process of its own, with limits, and believes nothing that it says without looking."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from knowledge.extraction.failures import MESSAGES, ExtractionError
from knowledge.extraction.limits import MAX_PAGES, MAX_RESULT_BYTES, MAX_SECONDS
from knowledge.extraction.text import Extracted, as_title, checked, clean

log = structlog.get_logger(__name__)

ROOT = Path(__file__).resolve().parents[2]
# The modules lie where ours do, not in the working directory; nothing is written there.
PYTHON = (sys.executable, "-P", "-s", "-B", "-m", "knowledge.extraction")
TIMES_UP = (-signal.SIGXCPU, -signal.SIGALRM)


def extract(path: Path, media_type: str) -> Extracted:
    """What the file says. Takes at most `MAX_SECONDS`. Raises `ExtractionError`."""
    with TemporaryDirectory(prefix="daybook-extraction-") as scratch:
        result = Path(scratch, "result.json")
        with result.open("wb") as output:
            status = _run([*PYTHON, media_type, str(path.resolve())], scratch, output)
        if status:
            log.warning("extraction_died", status=status, media_type=media_type)
            raise ExtractionError(_cause(status))
        return _believe(result)


def _run(command: list[str], scratch: str, output: Any) -> int:
    """The exit status; negative for the signal that ended it. Raises `ExtractionError` when its time is up."""
    process = subprocess.Popen(
        command,
        cwd=scratch,
        env=_environment(scratch),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(MAX_SECONDS)
    except subprocess.TimeoutExpired:
        raise ExtractionError("timed_out") from None
    finally:
        if process.returncode is None:
            # It leads its session, so this is whatever it has started, too.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(scratch: str) -> dict[str, str]:
    """Nothing of ours, which holds the secrets, but where the modules are."""
    path = os.pathsep.join((str(ROOT), *filter(None, sys.path)))
    return {"PYTHONPATH": path, "PYTHONUTF8": "1", "HOME": scratch, "TMPDIR": scratch}


def _cause(status: int) -> str:
    """The code of a death. Only the system kills without a word: for memory that it doesn't have."""
    if status in TIMES_UP:
        return "timed_out"
    return "out_of_memory" if status == -signal.SIGKILL else "corrupt"


def _believe(result: Path) -> Extracted:
    """The result, if it is one."""
    with result.open("rb") as file:
        said = file.read(MAX_RESULT_BYTES)
    try:
        match json.loads(said):
            case {"code": str(code)} if code in MESSAGES:
                raise ExtractionError(code)
            case {"text": str(text), "page_starts": list() | None as starts, "title": str(title)}:
                if starts is not None:
                    _check_pages(starts, len(text))
                return checked(Extracted(clean(text), starts, as_title(title)))
    except (ValueError, RecursionError):
        pass
    raise ExtractionError("corrupt")


def _check_pages(starts: list[Any], length: int) -> None:
    places = [start for start in starts if type(start) is int and 0 <= start <= length]
    if len(places) != len(starts) or places != sorted(places) or len(places) > MAX_PAGES:
        raise ValueError
