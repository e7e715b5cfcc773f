"""The app's registration."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.postgres.indexes import OpClass
from django.db.models.indexes import IndexExpression

from knowledge.embeddings import use


class KnowledgeConfig(AppConfig):
    """What is known."""

    name = "knowledge"
    verbose_name = "Knowledge"

    def ready(self) -> None:
        """What else `django.contrib.postgres` does isn't needed: here indexes may name their operators' class.

        Who embeds is the settings' business, of which `knowledge.embeddings` knows nothing; what asks for a key
        needs the models, which are there from here on.
        """
        IndexExpression.register_wrappers(OpClass)
        use(lambda: import_module("knowledge.providers").embedder())
        import_module("knowledge.checks")
        import_module("knowledge.database_checks")
