"""Secrets at rest: read with the present keys, and with none else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from knowledge.encryption import UndecipherableError, decrypt, encrypt, fingerprint


@given(text=st.text(min_size=1, max_size=300))
def test_what_is_encrypted_comes_back_and_does_not_show(text: str) -> None:
    token = encrypt(text)
    assert decrypt(token) == text
    assert encrypt(text) != token


def test_a_former_key_still_reads_and_a_new_one_writes(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["former"]
    old = encrypt("secret text")
    settings.ENCRYPTION_KEYS = ["present", "former"]
    new = encrypt("secret text")
    assert decrypt(old) == decrypt(new) == "secret text"

    settings.ENCRYPTION_KEYS = ["present"]
    assert decrypt(new) == "secret text"
    with pytest.raises(UndecipherableError):
        decrypt(old)


def test_what_was_changed_is_refused() -> None:
    token = bytearray(encrypt("secret text"))
    token[-5] ^= 1
    for changed in (bytes(token), b"", b"not a token", bytes(range(256))):
        with pytest.raises(UndecipherableError):
            decrypt(changed)


def test_a_fingerprint_tells_texts_apart_and_needs_the_key(settings: Settings) -> None:
    first = fingerprint("one")
    assert first == fingerprint("one") != fingerprint("other") and len(first) == 16
    settings.ENCRYPTION_KEYS = ["another"]
    assert fingerprint("one") != first
