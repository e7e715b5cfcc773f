"""The keys by which providers are asked."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from audit.triggers import Audited


class ProviderKey(models.Model):
    """What there is of one provider's key. API requests have no right on the table: it is nobody's.

    id: the provider's name.
    key: the stored one, encrypted (`knowledge.encryption`); null if there is none and only the environment's is known.
    fingerprint: of the key that the rest is about.
    valid: whether the provider takes it; null if that isn't known. last_error: a code, of the last check.
    """

    id = models.CharField(primary_key=True, max_length=40)
    key = models.BinaryField(null=True)
    fingerprint = models.CharField(max_length=16)
    set_at = models.DateTimeField(db_default=Now())
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    valid = models.BooleanField(null=True)
    last_checked_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        verbose_name = "embedding provider"
        verbose_name_plural = "embedding provider"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            Audited(
                name="knowledge_providerkey_audited",
                noun="provider",
                owner="",
                masked=["key", "fingerprint"],
                omitted=["last_checked_at"],
            )
        ]

    def __str__(self) -> str:
        return self.id
