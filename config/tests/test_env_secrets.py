"""Secrets: weak ones are refused, random ones never, and development makes its own."""

import base64
import json
import os
import random
import secrets
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest
from django.core.management.utils import get_random_secret_key

from config.env import DECLARED, Environment
from config.env_secrets import GENERATED, SECRET_MEND, _alone, development_secrets, is_token, secret_faults
from config.env_values import ConfigurationError

# What an instance has that was first started before its record was sealed.
YESTERDAY = {"DJANGO_SECRET_KEY": secrets.token_urlsafe(48), "JWT_SECRET_KEY": secrets.token_urlsafe(48)}


def faults(secret: str, *, production: bool = True) -> list[str]:
    """What is wrong with a secret."""
    return [fault for fault, _ in secret_faults(secret, production)]


def test_secret_ten_thousand_random_ones_pass() -> None:
    dice = random.Random(20250801)
    candidates = [base64.b64encode(dice.randbytes(48)).decode() for _ in range(10_000)]
    assert [secret for secret in candidates if faults(secret)] == []


@pytest.mark.parametrize(
    "generate", [lambda: secrets.token_urlsafe(48), lambda: secrets.token_hex(32), get_random_secret_key]
)
def test_secret_of_the_usual_generators_passes(generate: Callable[[], str]) -> None:
    assert [secret for secret in (generate() for _ in range(200)) if faults(secret)] == []


@pytest.mark.parametrize(
    "placeholder",
    [
        "changeme",
        "change-me-please-change-me-please-12",
        "CHANGE_THIS_TO_SOMETHING_LONG_0123456",
        "your-jwt-signing-key-goes-in-here-42",
        "replace-with-openssl-rand-base64-48",
        "this is my s3cret: super SECRET 8dk3j4",
        "<generate with token_urlsafe, 48 bytes>",
        "${{ shared.JWT_SIGNING_KEY_OF_THE_APP }}",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "xxxx-R8kq2Vw7nB4mZc9LpT3sYf6HgJ1dXaQe",
        "test-R8kq2Vw7nB4mZc9LpT3sYf6HgJ1dXaQe",
        "default_R8kq2Vw7nB4mZc9LpT3sYf6HgJ1dX",
        "MyExampleR8kq2Vw7nB4mZc9LpT3sYf6HgJ1d",
        "password1R8kq2Vw7nB4mZc9LpT3sYf6HgJ1d",
        "placeholderR8kq2Vw7nB4mZc9LpT3sYf6HgJ",
    ],
)
def test_secret_placeholder_is_refused(placeholder: str) -> None:
    assert any("placeholder" in fault for fault in faults(placeholder))


@pytest.mark.parametrize("chance", ["R8kq2Vw7nB4mZtest-LpT3sYf6HgJ1dXaQe", "R8kq2Vw7nB4m-testZpT3sYf6HgJ1dXaQe"])
def test_secret_that_holds_a_short_word_by_chance_passes(chance: str) -> None:
    assert faults(chance) == []


def test_secret_that_startproject_made_is_refused() -> None:
    assert any("placeholder" in fault for fault in faults("django-insecure-" + get_random_secret_key()))


@pytest.mark.parametrize(
    "words",
    [
        "correct horse battery staple tractor",
        "correct-horse-battery-staple-tractor-77",
        "CorrectHorseBatteryStapleTractorLamp",
        "THEQUICKBROWNFOXJUMPSOVERTHELAZYDOG",
        "271828182845904523536028747135266249",
    ],
)
def test_secret_of_words_or_digits_is_refused(words: str) -> None:
    assert faults(words) == ["consists of plain words or digits"]


@pytest.mark.parametrize(
    "pattern",
    [
        "a1" * 20,
        "aB3$" * 10,
        "a1b2c3d4" * 5,
        "R8kq2Vw7nB" * 4,
        "abcdefghijklmnopqrstuvwxyz0123456789a",
        "zyxwvutsrqponmlkjihgfedcba9876543210z",
        "1qaz2wsx3edc4rfv1qaz2wsx3edc4rfv1qaz",
        "q1" + "qwertyuiopasdfghjklzxcvbnm1234567890q1q",
        "0110100110010110100101100110100110010110a",
    ],
)
def test_secret_of_a_pattern_is_refused(pattern: str) -> None:
    assert [fault for fault in faults(pattern) if "easy to guess" in fault]


def test_secret_of_32_bytes_passes_and_of_31_does_not() -> None:
    key = "R8kq2Vw7nB4mZc9LpT3sYf6HgJ1dXaQe"
    assert faults(key) == []
    assert [fault.partition(":")[0] for fault in faults(key[:-1])] == ["is too short"]
    assert faults(key[:-2] + "é") == []


def test_secret_with_white_space_at_its_ends_is_refused_everywhere() -> None:
    key = secrets.token_urlsafe(48)
    assert faults(f"{key} ", production=False) == faults(f"\n{key}") == ["begins or ends with white space"]
    assert faults(key, production=False) == faults("weak", production=False) == []


def test_secret_mend_names_a_command_that_makes_a_strong_one() -> None:
    assert {mend for _, mend in secret_faults("short", production=True)} == {SECRET_MEND}
    command = shlex.split(SECRET_MEND.partition(": ")[2])
    made = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True)
    assert faults(made.stdout.strip()) == []


def test_generated_secrets_are_those_production_requires() -> None:
    required = [name for name, declared in DECLARED.items() if declared.secret and declared.required_in_production]
    assert list(GENERATED) == required


def test_generated_secrets_are_strong_private_and_stay(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    first = development_secrets(data_dir)
    assert first == development_secrets(data_dir)
    assert len(set(first.values())) == len(GENERATED)
    assert [secret for secret in first.values() if faults(secret)] == []
    assert all(is_token(first[name], size) for name, size in GENERATED.items())
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "secrets.json").stat().st_mode) == 0o600
    assert os.listdir(data_dir) == ["secrets.json"]


def test_generated_secrets_differ_between_instances(tmp_path: Path) -> None:
    one, other = development_secrets(tmp_path / "one"), development_secrets(tmp_path / "other")
    assert not set(one.values()) & set(other.values())


@pytest.mark.parametrize("kept", [{}, YESTERDAY])
def test_generated_secrets_of_processes_that_start_at_once_are_the_same(tmp_path: Path, kept: dict[str, str]) -> None:
    with ProcessPoolExecutor(4) as processes:
        for round_ in range(10):
            data_dir = tmp_path / str(round_)
            if kept:
                data_dir.mkdir()
                (data_dir / "secrets.json").write_text(json.dumps(kept))
            results = list(processes.map(development_secrets, repeat(data_dir, 8)))
            assert all(result == results[0] for result in results)
            assert results[0].items() >= kept.items()


def test_generated_secrets_the_slower_process_waits_for_the_faster_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        with _alone(tmp_path):
            slower = threads.submit(development_secrets, tmp_path)
            with pytest.raises(TimeoutError):
                slower.result(timeout=0.2)
            (tmp_path / "secrets.json").write_text(json.dumps(YESTERDAY))
        assert slower.result().items() > YESTERDAY.items()


def test_generated_secrets_an_older_file_gets_what_it_lacks_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps(YESTERDAY | {"SOMETHING_ELSE": 1}))
    secrets_ = development_secrets(tmp_path)
    assert secrets_.keys() == GENERATED.keys()
    assert secrets_.items() > YESTERDAY.items()
    assert json.loads(path.read_text()) == secrets_ | {"SOMETHING_ELSE": 1}
    assert development_secrets(tmp_path) == secrets_
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_generated_secrets_a_complete_file_is_not_written_again(tmp_path: Path) -> None:
    development_secrets(tmp_path)
    before = (tmp_path / "secrets.json").stat()
    development_secrets(tmp_path)
    after = (tmp_path / "secrets.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_generated_secrets_an_interrupted_start_is_made_good_by_the_next(tmp_path: Path) -> None:
    path, draft = tmp_path / "secrets.json", tmp_path / "secrets.draft"
    path.write_text(json.dumps(YESTERDAY))
    draft.mkdir()
    with pytest.raises(ConfigurationError, match="can't use"):
        development_secrets(tmp_path)
    assert json.loads(path.read_text()) == YESTERDAY
    draft.rmdir()
    draft.write_text("{" * 1000)
    assert development_secrets(tmp_path).items() > YESTERDAY.items()
    assert os.listdir(tmp_path) == ["secrets.json"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"DJANGO_SECRET_KEY": "short", "JWT_SECRET_KEY": "short"}',
        json.dumps(YESTERDAY | {"JWT_SECRET_KEY": None}),
        json.dumps(YESTERDAY | {"AUDIT_SIGNING_KEY": secrets.token_urlsafe(31)}),
        json.dumps(YESTERDAY | {"AUDIT_SIGNING_KEY": "+" * 43}),
        "\udcff",
    ],
)
def test_generated_secrets_malformed_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError) as caught:
        development_secrets(tmp_path)
    assert str(path) in str(caught.value)
    assert "delete it" in caught.value.problems[0].mend


def test_generated_secrets_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").mkdir()
    (tmp_path / "file").touch()
    for data_dir in (tmp_path, tmp_path / "file"):
        with pytest.raises(ConfigurationError, match="can't use") as caught:
            development_secrets(data_dir)
        assert str(data_dir / "secrets.json") in str(caught.value)


def test_environment_development_is_given_only_the_secrets_it_lacks(tmp_path: Path) -> None:
    env = Environment.load({"DAYBOOK_DATA_DIR": str(tmp_path), "JWT_SECRET_KEY": "mine"}).with_development_secrets()
    assert env.JWT_SECRET_KEY == "mine"
    generated = development_secrets(tmp_path)
    assert generated["DJANGO_SECRET_KEY"] == env.DJANGO_SECRET_KEY
    assert generated["AUDIT_SIGNING_KEY"] == env.AUDIT_SIGNING_KEY
    assert env.BETTER_AUTH_SECRET is None


def test_environment_production_generates_nothing(tmp_path: Path) -> None:
    env = Environment.load(
        {
            "DAYBOOK_ENV": "production",
            "DAYBOOK_DATA_DIR": str(tmp_path / "data"),
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "AUDIT_SIGNING_KEY": secrets.token_urlsafe(32),
            "DATABASE_URL": "postgresql://localhost/daybook",
            "ALLOWED_HOSTS": "api.example.com",
        }
    )
    assert env.with_development_secrets() is env
    assert not (tmp_path / "data").exists()
