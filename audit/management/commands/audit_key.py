"""`manage.py audit_key`: by which key the record is sealed."""

from typing import Any

from django.core.management.base import BaseCommand

from audit import keys


class Command(BaseCommand):
    """Needs neither database nor checks: it serves while a key is being changed, too."""

    help = "Print the public key that seals the record, for who checks it and for AUDIT_TRUSTED_KEYS."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Print `<name>+<key id>+<public key>`, and nothing else."""
        self.stdout.write(keys.signer().verifier.vkey)
