"""Who embeds, and by which key: the environment's, or the one that staff stored.

The key is sent to the provider and to nobody else. What is shown of it is where it comes from and whether it works.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.identity import unconfined
from audit.services import record
from knowledge.embedding_errors import (
    EmbeddingError,
    KeyFault,
    KeyMissingError,
    KeyUnreadableError,
    message_of,
)
from knowledge.embeddings import DIMENSIONS, MODEL_NAME, MODEL_REVISION, Embedder, LocalEmbedder, Vectors, queries
from knowledge.embeddings.probe import probe
from knowledge.embeddings.vectors import BATCH_SECONDS
from knowledge.encryption import UndecipherableError, decrypt, encrypt, fingerprint
from knowledge.models import ProviderKey
from knowledge.recovery import retry_failed_embeddings

HUGGING_FACE = "huggingface"
ENVIRONMENT = "environment"
STORED = "stored"
# How long a process goes by a stored key before it looks whether there is another.
KEPT_SECONDS = 15.0


class KeyFromEnvironmentError(Exception):
    """The environment's key comes first, so that another one would have no effect."""


@dataclass(frozen=True)
class PresentKey:
    """A key, and whether it is the environment's or a stored one. Its `repr` doesn't show it."""

    text: str = field(repr=False)
    source: str


@dataclass(frozen=True)
class Status:
    """What can be told of the provider and its key. valid: None if that isn't known; fault: a code, or empty."""

    source: str | None
    valid: bool | None = None
    last_checked_at: datetime | None = None
    fault: str = ""
    set_at: datetime | None = None
    provider: str = field(default_factory=lambda: str(settings.EMBEDDING_PROVIDER))
    model: str = MODEL_NAME
    dimensions: int = DIMENSIONS

    @property
    def configured(self) -> bool:
        """Whether there is a key."""
        return self.source is not None

    @property
    def error(self) -> dict[str, str] | None:
        """What the last check found: a code, and a sentence for people."""
        return {"code": self.fault, "message": message_of(self.fault)} if self.fault else None


class Watched:
    """Hugging Face with the present key. That the key is refused is noted, once, where staff look."""

    name = HUGGING_FACE
    model_revision = MODEL_REVISION

    def embed(self, texts: Sequence[str], *, seconds: float = BATCH_SECONDS) -> Vectors:
        """As `Embedder.embed`. Raises `KeyMissingError` and `KeyUnreadableError`, too."""
        key = kept.text()
        try:
            return hugging_face(lambda: key).embed(texts, seconds=seconds)
        except KeyFault as exc:
            _notice(key, exc)
            raise


def _notice(key: str, fault: KeyFault) -> None:
    """Note a refusal, once. If the key was replaced meanwhile, that says nothing of the present one."""
    present = present_key()
    if present is None or present.text != key:
        kept.forget()
    elif status().fault != fault.code:
        _note(key, fault, "provider.key_refused", {})


def embedder() -> Embedder:
    """What `EMBEDDING_PROVIDER` names."""
    return Watched() if settings.EMBEDDING_PROVIDER == HUGGING_FACE else LocalEmbedder()


def hugging_face(key: Callable[[], str]) -> Embedder:
    """Hugging Face, asked with what `key` gives. Its client is loaded with the first call: it takes 35 MB."""
    module = import_module("knowledge.embeddings.huggingface")
    found: Embedder = module.HuggingFace(key, settings.HUGGING_FACE_BASE_URL)
    return found


def present_key() -> PresentKey | None:
    """The key that counts. Raises `KeyUnreadableError`."""
    if settings.HUGGING_FACE_API_KEY:
        return PresentKey(settings.HUGGING_FACE_API_KEY, ENVIRONMENT)
    stored = _row()
    if stored is None or stored.key is None:
        return None
    try:
        return PresentKey(decrypt(bytes(stored.key)), STORED)
    except UndecipherableError:
        raise KeyUnreadableError from None


class _Kept:
    """The present key, looked up again after `KEPT_SECONDS`."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._key: PresentKey | None = None
        self._until = float("-inf")

    def text(self) -> str:
        """The key to call with. Raises `KeyMissingError` and `KeyUnreadableError`."""
        if time.monotonic() >= self._until:
            self._key, self._until = present_key(), time.monotonic() + KEPT_SECONDS
        if self._key is None:
            raise KeyMissingError
        return self._key.text


kept = _Kept()


def status() -> Status:
    """As it was found by the last check of the key that counts."""
    row = _row()
    try:
        key = present_key()
    except KeyUnreadableError as exc:
        return Status(STORED, False, fault=exc.code, set_at=row.set_at if row else None)
    if key is None:
        return Status(None)
    set_at = row.set_at if row and key.source == STORED else None
    if row is None or row.fingerprint != fingerprint(key.text):
        return Status(key.source, set_at=set_at)
    return Status(key.source, row.valid, row.last_checked_at, row.last_error, set_at)


def set_key(*, text: str, user_id: UUID) -> Status:
    """Try a key, and store it unless the provider says that it is bad.

    If the provider doesn't answer, or not with vectors, the key is stored and its validity unknown. Raises `KeyFault`
    and `KeyFromEnvironmentError`.
    """
    _refuse_environment()
    fault = _fault_of(text)
    if isinstance(fault, KeyFault):
        raise fault
    told = {"key": encrypt(text), "set_by_id": user_id, "set_at": timezone.now()}
    _note(text, fault, "provider.key_set", told)
    return status()


def remove_key() -> None:
    """Delete the stored key, if there is one. Raises `KeyFromEnvironmentError`."""
    _refuse_environment()
    with unconfined(), transaction.atomic():
        removed, _ = ProviderKey.objects.filter(pk=HUGGING_FACE).delete()
        if removed:
            record(action="provider.key_removed", object_type="provider", object_id=HUGGING_FACE)
    _start_afresh()


def check() -> Status:
    """Try the present key by one call, and note what came of it. Raises `KeyMissingError` and `KeyUnreadableError`."""
    key = present_key()
    if key is None:
        raise KeyMissingError
    # A stored key is encrypted anew, so that one day no former secret is needed.
    told = {"key": encrypt(key.text)} if key.source == STORED else {}
    _note(key.text, _fault_of(key.text), "provider.checked", told)
    return status()


def _refuse_environment() -> None:
    if settings.HUGGING_FACE_API_KEY:
        raise KeyFromEnvironmentError


def _row() -> ProviderKey | None:
    with unconfined():
        return ProviderKey.objects.filter(pk=HUGGING_FACE).first()


def _fault_of(text: str) -> EmbeddingError | None:
    """What the provider has to say of a key, by one call for one short text. Outside any transaction."""
    try:
        probe(hugging_face(lambda: text))
    except EmbeddingError as exc:
        return exc
    return None


def _note(text: str, fault: EmbeddingError | None, action: str, told: dict[str, Any]) -> None:
    """Write down what a call with a key came to, with whatever else is to be told, and put that on record."""
    valid = True if fault is None else False if isinstance(fault, KeyFault) else None
    code = fault.code if fault else ""
    found = {"fingerprint": fingerprint(text), "valid": valid, "last_error": code, "last_checked_at": timezone.now()}
    with unconfined(), transaction.atomic():
        ProviderKey.objects.update_or_create(pk=HUGGING_FACE, defaults=found | told)
        detail = {"valid": valid, "error": code or None}
        record(action=action, object_type="provider", object_id=HUGGING_FACE, detail=detail)
    _start_afresh()
    if valid and settings.EMBEDDING_PROVIDER == HUGGING_FACE:
        retry_failed_embeddings()


def _start_afresh() -> None:
    """In this process at once, in the others within `KEPT_SECONDS`."""
    kept.forget()
    queries.clear()
