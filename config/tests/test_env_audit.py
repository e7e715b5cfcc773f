"""The audit record's variables: the key that seals it, the keys trusted beside it, its name."""

import secrets
import shlex
import string
import subprocess
import sys
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.note import Signer, Verifier
from config.env import Environment
from config.env_audit import SIGNING_KEY_MEND, log_name_faults, signing_key_faults, trusted_key_faults
from config.env_values import ConfigurationError

ALPHABET = string.ascii_letters + string.digits + "-_"
SEED = bytes(range(7, 231, 7))
KEY = urlsafe_b64encode(SEED).decode().rstrip("=")
PLUS_AND_SLASH = b"\xfb\xff" * 16
FORMER = Verifier("daybook", bytes(32))


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def key_faults(key: str, *, production: bool = False) -> list[str]:
    """What is wrong with a signing key."""
    return [fault for fault, _ in signing_key_faults(key, production)]


def test_signing_key_as_its_mend_makes_it_is_sound_in_production() -> None:
    command = shlex.split(SIGNING_KEY_MEND.partition(": ")[2])
    made = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True)
    assert key_faults(made.stdout.strip(), production=True) == []


@given(st.binary(min_size=28, max_size=36))
def test_signing_key_has_32_bytes_and_no_other_number(seed: bytes) -> None:
    assert (key_faults(base64url(seed)) == []) is (len(seed) == 32)


@given(st.text(ALPHABET + "+/=. \n", min_size=42, max_size=45) | st.text(min_size=42, max_size=44))
def test_signing_key_that_is_accepted_is_the_one_writing_of_its_seed(key: str) -> None:
    if not key_faults(key):
        seed = urlsafe_b64decode(key + "=")
        assert base64url(seed) == key
        assert Signer("daybook", seed)


@pytest.mark.parametrize(
    "key",
    [
        base64url(SEED[:31]),
        base64url(SEED + b"x"),
        b64encode(PLUS_AND_SLASH).decode().rstrip("="),
        base64url(SEED) + "=",
        b64encode(SEED).decode(),
        SEED.hex(),
        KEY[:20] + " " + KEY[20:],
        KEY[:20] + "\n" + KEY[20:],
        KEY[:20] + "." + KEY[20:],
        KEY[:-1] + chr(ord(KEY[-1]) + 1),
        KEY[:-1] + "é",
        "changeme",
    ],
    ids=[
        "31 bytes",
        "33 bytes",
        "standard base64",
        "padded",
        "padded standard base64",
        "hexadecimal",
        "a space inside",
        "a newline inside",
        "a foreign character inside",
        "bits of no byte",
        "not ASCII",
        "a placeholder",
    ],
)
@pytest.mark.parametrize("production", [False, True])
def test_signing_key_otherwise_written_is_refused_everywhere_with_the_mend(key: str, production: bool) -> None:
    assert [(fault.partition(":")[0], mend) for fault, mend in signing_key_faults(key, production)] == [
        ("isn't 32 bytes in base64url", SIGNING_KEY_MEND)
    ]


def test_signing_key_with_white_space_at_its_ends_is_refused_everywhere() -> None:
    assert key_faults(f" {KEY}") == key_faults(f"{KEY}\n", production=True) == ["begins or ends with white space"]


def test_signing_key_that_is_weak_is_refused_in_production_only() -> None:
    weak = base64url(b"\xab\xcd\xef" * 10 + b"\xab\xcd")
    assert key_faults(weak) == []
    (told,) = signing_key_faults(weak, production=True)
    assert "easy to guess" in told[0]
    assert told[1] == SIGNING_KEY_MEND


def test_trusted_keys_of_former_keys_are_a_list() -> None:
    former = tuple(Signer("daybook", secrets.token_bytes(32)).verifier.vkey for _ in range(2))
    env = Environment.load({"AUDIT_TRUSTED_KEYS": ", ".join(former)})
    assert former == env.AUDIT_TRUSTED_KEYS


@pytest.mark.parametrize(
    "entry",
    [
        "daybook",
        "daybook+00000000",
        FORMER.vkey.replace("+", " ", 1),
        FORMER.vkey.replace("daybook", "another"),
        FORMER.vkey[:-4],
        FORMER.vkey[:-1] + "*",
        "+" + FORMER.vkey.partition("+")[2],
        "",
    ],
)
def test_trusted_key_that_is_malformed_is_refused_by_its_place(entry: str) -> None:
    (told,) = trusted_key_faults((FORMER.vkey, entry), production=False)
    assert told[0].startswith("entry 2 isn't a public key. ")
    assert "manage.py audit_key" in told[1]


@pytest.mark.parametrize("entry", [KEY, f"daybook+{KEY}", f"daybook+00000000+{KEY}"])
def test_trusted_key_that_is_the_private_one_by_mistake_is_not_repeated(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="AUDIT_TRUSTED_KEYS") as caught:
        Environment.load({"AUDIT_TRUSTED_KEYS": entry})
    assert KEY[:10] not in str(caught.value)


@pytest.mark.parametrize("name", ["daybook", "daybook.example.com", "example.com/daybook-2:8443/log_1"])
def test_log_name_like_a_host_or_a_path_is_sound(name: str) -> None:
    assert list(log_name_faults(name, production=True)) == []


@pytest.mark.parametrize(
    "name", ["day book", "day\tbook", "day+book", "day,book", "(daybook)", "day\nbook", "dayb\N{EN SPACE}k", "dåybook"]
)
def test_log_name_that_a_public_key_or_a_list_cannot_hold_is_refused(name: str) -> None:
    (told,) = log_name_faults(name, production=False)
    assert repr(name) in told[0]


@given(st.text(min_size=1) | st.text("ab.+,(): ", min_size=1))
def test_log_name_that_is_accepted_comes_back_from_the_list_of_trusted_keys(name: str) -> None:
    if not list(log_name_faults(name, production=False)):
        vkey = Verifier(name, bytes(32)).vkey
        env = Environment.load({"AUDIT_TRUSTED_KEYS": f"{vkey},{vkey}"})
        assert list(env.AUDIT_TRUSTED_KEYS) == [vkey, vkey]
