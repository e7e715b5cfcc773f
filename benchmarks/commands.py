"""`manage.py verify_audit`, run and watched from outside."""

import json
import subprocess
import sys
import time
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]

POLL_SECONDS = 0.01


class Verified(NamedTuple):
    """What a run said (see `audit.findings.Report`), took, and needed at most: seconds, resident bytes."""

    report: dict[str, Any]
    seconds: float
    peak: int


def verify_audit() -> Verified:
    """Run it as a process of its own, with the interpreter's start and Django's in the time."""
    started, peak = time.monotonic(), 0
    process = psutil.Popen([sys.executable, "manage.py", "verify_audit", "--json"], stdout=subprocess.PIPE)
    # A process that has just ended is a zombie until it is polled, and needs nothing.
    while process.poll() is None:
        peak = max(peak, process.memory_info().rss)
        time.sleep(POLL_SECONDS)
    return Verified(json.load(process.stdout), time.monotonic() - started, peak)
