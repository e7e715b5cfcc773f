"""`manage.py reembed`: after a change of the model."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accounts.models import User
from knowledge.embeddings import EmbeddingError
from knowledge.reembedding import outdated, reembed


class Command(BaseCommand):
    """Exit 0 if all passages are of the present model, 1 if some are left, 2 if the arguments can't be used."""

    help = (
        "Embed anew what another model embedded, while everything goes on. It can be interrupted: "
        "the next run goes on where this one ended. Passages that owners brought with vectors of their own stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and whether at all."""
        parser.add_argument("--owner", metavar="USER", help="only this user's: an id, or an e-mail address")
        parser.add_argument("--dry-run", action="store_true", help="count them, and change nothing")

    def handle(self, *, owner: str | None, dry_run: bool, **options: Any) -> None:
        """Do it, and say what was done."""
        owner_id = None if owner is None else _user(owner)
        total = outdated(owner_id).count()
        if dry_run:
            self.stdout.write(f"{total} passages to embed.")
            return
        written = self._reembed(owner_id, total)
        left = outdated(owner_id).count()
        self.stdout.write(f"{written} passages embedded.")
        if left:
            raise CommandError(f"{left} passages are left that were being changed; run it again.", returncode=1)

    def _reembed(self, owner_id: UUID | None, total: int) -> int:
        """How many were written, with a bar for whoever watches."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        written = 0
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("Embedding", total=total)
            try:
                for step in reembed(owner_id):
                    written += step.written
                    bar.update(task, completed=written)
            except EmbeddingError as exc:
                raise CommandError(f"{exc} {written} passages were embedded; run it again.", returncode=1) from exc
        return written


def _user(given: str) -> UUID:
    """The id of an account."""
    try:
        key = Q(pk=UUID(given))
    except ValueError:
        key = Q(email=given.strip().lower())
    found = User.objects.filter(key).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no user {given}.", returncode=2)
    return found
