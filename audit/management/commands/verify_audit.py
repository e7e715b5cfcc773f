"""`manage.py verify_audit`: is the record what was sealed?"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audit.findings import SHOWN, Report
from audit.keys import verifiers
from audit.note import MalformedKey, Verifier
from audit.publication import newest_file
from audit.seals import Seal, text_of
from audit.verification import leaves_to_verify, verify


class Command(BaseCommand):
    """Exit 0 if the record holds, 1 if anything was found, 2 if the arguments can't be used."""

    help = (
        "Recompute the audit record's tree from its events and hold it against every checkpoint. "
        "Whoever owns the database can rewrite what is newer than the last checkpoint that left it: "
        "give checkpoints that were kept elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Checkpoints and keys from outside."""
        parser.add_argument(
            "--checkpoint", metavar="FILE", type=_readable, action="append", default=[], dest="checkpoints",
            help="a checkpoint that was kept outside of the database; repeat it for several",
        )  # fmt: skip
        parser.add_argument(
            "--key", metavar="KEY", type=_verifier, action="append", default=[], dest="keys",
            help="a public key to trust, <name>+<id>+<base64>; without it, AUDIT_SIGNING_KEY's and AUDIT_TRUSTED_KEYS",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *, checkpoints: list[tuple[str, str]], keys: list[Verifier], **options: Any) -> None:
        """Verify, and say what was found. The newest published checkpoint is one of those from outside."""
        started = time.perf_counter()
        try:
            published = newest_file()
        except OSError as exc:
            raise CommandError(f"AUDIT_CHECKPOINT_DIR can't be read: {exc}", returncode=2) from exc
        if published:
            checkpoints = [*checkpoints, _readable(str(published))]
        with _progress() as bar:
            task = bar.add_task("Verifying", total=leaves_to_verify())
            report = verify(
                given=checkpoints,
                verifiers=keys or verifiers(),
                progress=lambda done: bar.update(task, completed=done),
            )
        seconds = round(time.perf_counter() - started, 2)
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict() | {"seconds": seconds}, ensure_ascii=False, indent=2))
        else:
            self.stdout.write("\n".join(_summary(report, seconds)))
        if not report.ok:
            raise CommandError(f"Found: {', '.join(report.found)}.", returncode=1)


def _readable(name: str) -> tuple[str, str]:
    """A file's name and the signed note in it: bare, or as the API answers it. Whether it holds is seen later."""
    try:
        text = Path(name).read_text(encoding="utf-8")
        note = str(json.loads(text)["note"]) if text.startswith("{") else text
        Seal.parse(text_of(note))
    except (OSError, ValueError, KeyError) as exc:
        raise argparse.ArgumentTypeError(f"{name} holds no checkpoint: {exc}") from exc
    return name, note


def _verifier(text: str) -> Verifier:
    try:
        return Verifier.parse(text)
    except MalformedKey as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _summary(report: Report, seconds: float) -> list[str]:
    """What a person reads."""
    lines = [f"{finding.kind}: {finding.message}" for finding in report.findings]
    lines += [f"{kind}: {count - SHOWN} more" for kind, count in report.found.items() if count > SHOWN]
    sealed = f"sealed {report.sealed_at}, root {report.root}" if report.size else "no checkpoint holds"
    checked = f"{report.checkpoints} stored and {report.given} given checkpoints"
    lines.append(f"{report.size} events hold: {sealed}; {checked}; {seconds} s.")
    if report.purged:
        lines.append(f"{report.purged} events were purged; their leaves hold.")
    if report.unsealed:
        lines.append(f"Not sealed yet: {report.unsealed}, the oldest of {report.oldest_unsealed}.")
    return [*lines, "The record is what was sealed."] if report.ok else lines
