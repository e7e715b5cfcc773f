"""System checks: an embedder that may lack what it needs, and files that may be lost with the disk they lie on."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register()
def check_provider(**kwargs: Any) -> list[checks.CheckMessage]:
    """No error: staff may have stored a key, or will, and until then searches go by words."""
    if settings.EMBEDDING_PROVIDER != "huggingface" or settings.HUGGING_FACE_API_KEY:
        return []
    hint = "Set it, or have staff store a key; without one nothing is embedded, and searches go by words only."
    return [checks.Warning("Hugging Face embeds, and HUGGING_FACE_API_KEY isn't set.", hint=hint, id="knowledge.W001")]


@checks.register()
def check_storage(**kwargs: Any) -> list[checks.CheckMessage]:
    """In production somebody has said where files are kept: a platform's own disk ends with each deployment."""
    if not settings.STORAGE_UNSETTLED:
        return []
    hint = (
        "Set STORAGE_S3_BUCKET; or STORAGE_DIR, to a disk that outlives a deployment, and that the web process and the "
        "worker share."
    )
    return [checks.Warning("Nobody has said where documents' files are kept.", hint=hint, id="knowledge.W002")]
