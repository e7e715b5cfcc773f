"""The keyword index: which passages hold which words, and how many words there are."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.ownership import Isolated


class Posting(models.Model):
    """A block of the passages in which a lexeme stands: at most 128, in no order.

    An entry packs a passage's `number` (39 bits), its length in lexemes (16 bits) and how often the lexeme stands in
    it (8 bits; 255 is that or more). Written by triggers on the passages only.

    first, last: the least and the greatest number in the block. Those of two blocks may overlap.
    """

    pk = models.CompositePrimaryKey("owner_id", "language", "lexeme", "first")
    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+", db_index=False)
    language = models.CharField(max_length=3)
    lexeme = models.TextField(db_collation="C")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    entries = ArrayField(models.BigIntegerField())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            Isolated(name="knowledge_posting_isolated", grants=["SELECT"])
        ]

    def __str__(self) -> str:
        return f"{len(self.entries)} passages with a word"


class Corpus(models.Model):
    """How much of an owner's there is in one language: the statistics of ranking. Written by the same triggers."""

    pk = models.CompositePrimaryKey("owner_id", "language")
    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+", db_index=False)
    language = models.CharField(max_length=3)
    chunk_count = models.BigIntegerField()
    lexeme_count = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "corpora"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            Isolated(name="knowledge_corpus_isolated", grants=["SELECT"])
        ]

    def __str__(self) -> str:
        return f"{self.chunk_count} passages in {self.language}"
