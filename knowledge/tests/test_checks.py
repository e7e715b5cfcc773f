"""The system check of the embedding provider."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


@pytest.mark.parametrize(
    ("provider", "key", "warned"),
    [("local", None, False), ("huggingface", "hf_key", False), ("huggingface", None, True)],
)
def test_a_provider_without_a_key_of_the_environment_is_a_warning(
    provider: str, key: str | None, warned: bool, settings: Settings
) -> None:
    settings.EMBEDDING_PROVIDER = provider
    settings.HUGGING_FACE_API_KEY = key

    found = [message for message in run_checks() if message.id == "knowledge.W001"]
    assert bool(found) is warned
    assert all(message.hint and not message.is_serious() for message in found)
