"""`manage.py seal_audit`: seal now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.models import Checkpoint
from audit.upkeep import keep


class Command(BaseCommand):
    """What the worker does every `AUDIT_SEAL_SECONDS`, once: for a schedule of your own, or before a backup."""

    help = "Seal what has happened, purge what is too old, make room for the months to come."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and print the newest checkpoint, to be kept elsewhere."""
        kept = keep()
        if newest := Checkpoint.objects.order_by("-size").first():
            self.stdout.write(newest.note, ending="")
        if not kept:
            raise CommandError("Not everything could be done; the log says what, and why.")
