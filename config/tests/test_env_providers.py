"""The embedding provider's variables: which provider, its key, its address, and what encrypts stored keys."""

import secrets

import pytest

from config.env import Environment
from config.env_providers import HUGGING_FACE
from config.tests.test_env import problems, production

TOKEN = "hf_" + "kGzQwYbTnXvRmPdLsJcHfAeUoIyWqZtBvN"  # pragma: allowlist secret


def test_without_anything_the_local_model_embeds() -> None:
    env = Environment.load({})
    assert (env.EMBEDDING_PROVIDER, env.HUGGING_FACE_API_KEY, env.HUGGING_FACE_BASE_URL) == (
        "local",
        None,
        HUGGING_FACE,
    )
    assert env.encryption_keys == []


def test_hugging_face_may_be_chosen_without_a_key_in_production() -> None:
    assert problems(production(EMBEDDING_PROVIDER="huggingface")) == {}
    assert problems(production(EMBEDDING_PROVIDER="HuggingFace", HUGGING_FACE_API_KEY=TOKEN)) == {}
    assert problems({"EMBEDDING_PROVIDER": "openai"}).keys() == {"EMBEDDING_PROVIDER"}


@pytest.mark.parametrize("token", ["hf_a b", "hf_é", "hf_a\nb", " hf_abc", "hf_\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    found = problems({"HUGGING_FACE_API_KEY": token})
    assert found.keys() == {"HUGGING_FACE_API_KEY"}
    assert token not in found["HUGGING_FACE_API_KEY"]


def test_a_placeholder_is_no_key_in_production() -> None:
    token = "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    assert problems({"HUGGING_FACE_API_KEY": token}) == {}
    assert problems(production(HUGGING_FACE_API_KEY=token)).keys() == {"HUGGING_FACE_API_KEY"}


@pytest.mark.parametrize(
    "url",
    [HUGGING_FACE, "https://embed.example.com", "https://embed.example.com:8443/a/b-c", "https://10.0.0.7/hf"],
)
def test_an_encrypted_address_is_sound(url: str) -> None:
    assert problems(production(HUGGING_FACE_BASE_URL=url)) == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/hf-inference", "http://localhost:8080", "http://[::1]:80"])
def test_cleartext_stays_on_this_machine_and_out_of_production(url: str) -> None:
    assert problems({"HUGGING_FACE_BASE_URL": url}) == {}
    assert problems(production(HUGGING_FACE_BASE_URL=url)).keys() == {"HUGGING_FACE_BASE_URL"}


@pytest.mark.parametrize(
    "url",
    [
        "http://embed.example.com",
        "http://127.0.0.1.example.com",
        "http://169.254.169.254/latest",
        "https://user:password@embed.example.com",
        "https://embed.example.com/",
        "https://embed.example.com?x=1",
        "https://embed.example.com#x",
        "https://embed.example.com/a b",
        "ftp://embed.example.com",
        "file:///etc/passwd",
        "embed.example.com",
    ],
)
def test_another_address_is_refused_everywhere(url: str) -> None:
    for environ in ({"HUGGING_FACE_BASE_URL": url}, production(HUGGING_FACE_BASE_URL=url)):
        found = problems(environ)
        assert found.keys() == {"HUGGING_FACE_BASE_URL"}
        assert "password" not in found["HUGGING_FACE_BASE_URL"]


def test_stored_keys_are_encrypted_by_the_first_of_the_keys_there_are() -> None:
    django, present, former = (secrets.token_urlsafe(48) for _ in range(3))
    environ = production(DJANGO_SECRET_KEY=django)
    assert Environment.load(environ).encryption_keys == [django]
    environ |= {"ENCRYPTION_KEY": present, "ENCRYPTION_KEY_PREVIOUS": former}
    assert problems(environ) == {}
    assert Environment.load(environ).encryption_keys == [present, django, former]


@pytest.mark.parametrize("name", ["ENCRYPTION_KEY", "ENCRYPTION_KEY_PREVIOUS"])
def test_an_encryption_key_is_strong_and_nothing_else_in_production(name: str) -> None:
    one = secrets.token_urlsafe(48)
    assert problems(production(**{name: "short"})).keys() == {name}
    assert len(problems(production(JWT_SECRET_KEY=one, **{name: one}))) == 1
