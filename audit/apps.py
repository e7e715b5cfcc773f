"""The app's registration."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """What happened."""

    name = "audit"
    verbose_name = "Audit"
