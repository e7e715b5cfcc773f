"""The app's registration."""

from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    """What is known."""

    name = "knowledge"
    verbose_name = "Knowledge"
