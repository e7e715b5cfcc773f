"""`python -m knowledge.extraction <media type> <path>`: what the file says, or why it can't be read, as JSON.

Its own process: it takes from itself what it doesn't need before it looks at the file.
"""

import json
import resource
import signal
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from knowledge.extraction.failures import ExtractionError
from knowledge.extraction.limits import (
    MAX_CPU_SECONDS,
    MAX_MEMORY_BYTES,
    MAX_OPEN_FILES,
    MAX_RESULT_BYTES,
    MAX_SECONDS,
)
from knowledge.extraction.sniffing import CSV, DOCX, HTML, MARKDOWN, PDF, PLAIN
from knowledge.extraction.text import Extracted, checked

# Loaded by name, so that of the libraries only the one that is needed is there.
READERS = {PDF: "pdf", DOCX: "word", HTML: "markup", MARKDOWN: "text", PLAIN: "text", CSV: "text"}
# What Python asks of the system for the sake of a network or of another process.
FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.kill", "urllib.")


def main(media_type: str, path: str) -> None:
    """Write the result to standard output."""
    _confine()
    # To people a failure is its message, which the other side knows.
    json.dump(_result(media_type, Path(path)), sys.stdout, ensure_ascii=False)


def _confine() -> None:
    """Limits that the process can't lift again, and no way out."""
    # At the first limit of time it is told why it ends, at the second it would just be killed.
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS + 1))
    limits = {
        resource.RLIMIT_FSIZE: MAX_RESULT_BYTES,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    # macOS knows this one, and refuses it.
    if sys.platform == "linux":
        limits[resource.RLIMIT_AS] = MAX_MEMORY_BYTES
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))
    # In case whoever started it is gone, and with it the clock.
    signal.alarm(MAX_SECONDS)
    sys.addaudithook(_stay)


def _stay(event: str, arguments: Any) -> None:
    if event.startswith(FORBIDDEN):
        raise PermissionError(event)


def _result(media_type: str, path: Path) -> dict[str, Any]:
    try:
        return asdict(extract(media_type, path))
    except ExtractionError as exc:
        return {"code": exc.code}
    except MemoryError:
        return {"code": "out_of_memory"}
    # The libraries have errors of many kinds for what isn't as it should be, and none of their own.
    except Exception:  # noqa: BLE001
        return {"code": "corrupt"}


def extract(media_type: str, path: Path) -> Extracted:
    """What the file says. Raises `ExtractionError`, and what else a library raises at a broken file."""
    reader = import_module(f"knowledge.extraction.{READERS[media_type]}")
    return checked(reader.extract(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
