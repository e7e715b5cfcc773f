"""The app's registration."""

from django.apps import AppConfig


class ResourcesConfig(AppConfig):
    """What tasks and documents have in common."""

    name = "resources"
    verbose_name = "Resources"
