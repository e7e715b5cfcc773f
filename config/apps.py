"""The composition root as an app: commands that look at the whole live here."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Where the house is put together."""

    name = "config"
    verbose_name = "Configuration"
