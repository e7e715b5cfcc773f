"""The composition root as an app: commands that look at the whole live here."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from config.database import install


class ConfigConfig(AppConfig):
    """Where the house is put together."""

    name = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        """From here on failed statements keep their values to themselves."""
        connection_created.connect(install, dispatch_uid="config.database")
