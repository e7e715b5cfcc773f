"""Checkpoints that leave the database: files in `AUDIT_CHECKPOINT_DIR`, for who doesn't trust it."""

import os
import re
import tempfile
from pathlib import Path

from django.conf import settings

from audit.merkle import Frontier
from audit.models import Checkpoint
from audit.seals import Seal, text_of
from audit.tree import stored_hashes

FILE = re.compile(r"checkpoint-\d{20}\.txt")


def publish() -> None:
    """Write each stored checkpoint that is newer than the newest file, each whole or not at all."""
    directory: Path | None = settings.AUDIT_CHECKPOINT_DIR
    if directory is None:
        return
    newest = newest_file()
    published = int(newest.stem.removeprefix("checkpoint-")) if newest else 0
    for checkpoint in Checkpoint.objects.filter(size__gt=published).order_by("size").iterator():
        _write(directory / f"checkpoint-{checkpoint.size:020}.txt", checkpoint.note)


def find_fork(size: int) -> str | None:
    """What the newest published checkpoint says against the stored tree of that size, if anything.

    Who continued from here would sign two histories; what it was that was rolled back has to be looked into first.
    """
    directory: Path | None = settings.AUDIT_CHECKPOINT_DIR
    if directory and not directory.is_dir():
        # Not made here: what isn't mounted would look like nothing published.
        return f"AUDIT_CHECKPOINT_DIR, {directory}, isn't there: mount it, or make it."
    newest = newest_file()
    if newest is None:
        return None
    try:
        published = Seal.parse(text_of(newest.read_text(encoding="utf-8"))).checkpoint
    except ValueError as exc:
        return f"{newest} can't be read: {exc}"
    if published.size > size:
        return (
            f"{newest} has {published.size} leaves, the stored tree {size}: it was cut, or an older one was restored."
        )
    if Frontier.load(published.size, stored_hashes).root() != published.root:
        return f"{newest} has another root than the stored tree had at {published.size} leaves."
    return None


def newest_file() -> Path | None:
    """The last checkpoint that left the database, if any did."""
    directory: Path | None = settings.AUDIT_CHECKPOINT_DIR
    files = (path for path in directory.iterdir() if FILE.fullmatch(path.name)) if directory else ()
    return max(files, default=None)


def _write(path: Path, note: str) -> None:
    """Renamed last and synced, so that a crash leaves no half of a checkpoint, and no lost one."""
    descriptor, draft = tempfile.mkstemp(prefix=".checkpoint-", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(descriptor)
    os.chmod(draft, 0o644)
    os.replace(draft, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
