"""The key that seals the record, and those that are trusted to have sealed it."""

from base64 import urlsafe_b64decode

from django.conf import settings

from audit.note import Signer, Verifier


def signer() -> Signer:
    """Signs with `AUDIT_SIGNING_KEY`, in the name of `AUDIT_ORIGIN`."""
    return Signer(settings.AUDIT_ORIGIN, urlsafe_b64decode(f"{settings.AUDIT_SIGNING_KEY}="))


def verifiers() -> list[Verifier]:
    """The present key's public half, and `AUDIT_TRUSTED_KEYS`: those that were in use before."""
    return [signer().verifier, *map(Verifier.parse, settings.AUDIT_TRUSTED_KEYS)]
