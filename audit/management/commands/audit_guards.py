"""`manage.py audit_guards`: what guards the record in this database."""

from typing import Any

from django.core.management.base import BaseCommand

from audit.guards import listing


class Command(BaseCommand):
    """After a change of the migrations, of a database that is just migrated: `… > audit/guards.txt`."""

    help = "Print what guards the record here, in the form of audit/guards.txt, which verify_audit compares it with."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the lines, sorted, and nothing else."""
        self.stdout.write(listing(), ending="")
