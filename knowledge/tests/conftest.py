"""Fixtures of the room: Hugging Face's double, an instance that asks it, and a storage of one test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from config.env_storage import local_storage
from knowledge import providers
from knowledge.embeddings import queries
from knowledge.tests.hugging_face import Double, hugging_face


@pytest.fixture
def double() -> Iterator[Double]:
    """Hugging Face."""
    with hugging_face() as server:
        yield server


@pytest.fixture
def provider(double: Double, settings: Settings) -> Iterator[Double]:
    """Hugging Face, which this instance has embed; it has no key yet."""
    settings.EMBEDDING_PROVIDER = "huggingface"
    settings.HUGGING_FACE_API_KEY = None
    settings.HUGGING_FACE_BASE_URL = double.base_url
    providers.kept.forget()
    queries.clear()
    yield double
    providers.kept.forget()
    queries.clear()


@pytest.fixture(autouse=True)
def stored(settings: Settings, tmp_path: Path) -> Path:
    """Where the files of one test lie."""
    place = tmp_path / "documents"
    settings.STORAGES = {**settings.STORAGES, "documents": local_storage(place)}
    return place
