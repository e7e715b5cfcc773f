"""The app's registration."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """What is to be done."""

    name = "tasks"
    verbose_name = "Tasks"
