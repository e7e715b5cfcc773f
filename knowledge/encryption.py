"""Secrets at rest: Fernet (AES-128-CBC and HMAC-SHA-256) with keys derived from the environment's."""

import hmac
from base64 import urlsafe_b64encode
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

# Of a fingerprint, in hexadecimal digits: enough to tell keys apart.
DIGITS = 16


class UndecipherableError(Exception):
    """None of the present keys encrypted it, or it was changed."""


def encrypt(text: str) -> bytes:
    """Encrypt with the first of `ENCRYPTION_KEYS`."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode())


def decrypt(token: bytes) -> str:
    """What any of `ENCRYPTION_KEYS` encrypted. Raises `UndecipherableError`."""
    try:
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(token).decode()
    except InvalidToken:
        raise UndecipherableError from None


def fingerprint(text: str) -> str:
    """Tells secrets apart, and nothing of them to who doesn't have the key."""
    secret = _derived(settings.ENCRYPTION_KEYS[0], b"daybook fingerprints")
    return hmac.digest(secret, text.encode(), "sha256").hex()[:DIGITS]


@cache
def _cipher(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(urlsafe_b64encode(_derived(secret, b"daybook stored secrets"))) for secret in secrets])


def _derived(secret: str, purpose: bytes) -> bytes:
    """32 bytes by HKDF (RFC 5869), of which nothing leads back to the secret or to those of another purpose."""
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
