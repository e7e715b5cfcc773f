"""`manage.py audit_key`: the public half of the key that seals, and what others do with it."""

import os
import secrets
import subprocess
import sys
from base64 import b64decode, urlsafe_b64encode
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from audit.keys import signer, verifiers
from audit.management.commands.audit_key import Command
from audit.note import UnknownKey, Verifier, read_note

ROOT = Path(__file__).resolve().parents[2]

# RFC 8032, section 7.1, TEST 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC_KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def base64url(seed: bytes) -> str:
    return urlsafe_b64encode(seed).decode().rstrip("=")


def audit_key() -> str:
    """What the command prints."""
    output = StringIO()
    call_command("audit_key", stdout=output)
    return output.getvalue()


def test_audit_key_prints_the_public_key_of_the_seed_under_the_name_of_the_log(settings: Settings) -> None:
    settings.AUDIT_SIGNING_KEY, settings.AUDIT_ORIGIN = base64url(SEED), "daybook.example.com"

    (line,) = audit_key().splitlines()

    name, key_id, encoded = line.split("+", 2)
    assert (name, b64decode(encoded)) == ("daybook.example.com", b"\x01" + PUBLIC_KEY)
    assert key_id == Verifier(name, PUBLIC_KEY).key_id.hex()


def test_audit_key_printed_before_a_rotation_keeps_the_former_seals_valid(settings: Settings) -> None:
    former, note = audit_key().strip(), signer().sign("sealed before\n")
    settings.AUDIT_SIGNING_KEY = secrets.token_urlsafe(32)

    with pytest.raises(UnknownKey):
        read_note(note, verifiers())
    settings.AUDIT_TRUSTED_KEYS = (former,)
    assert read_note(note, verifiers()) == "sealed before\n"
    assert read_note(signer().sign("sealed after\n"), verifiers()) == "sealed after\n"


def test_audit_key_is_printed_also_where_a_system_check_fails(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ROOT_URLCONF = "no.such.module"

    Command().run_from_argv(["manage.py", "audit_key"])

    assert capsys.readouterr().out.strip() == signer().verifier.vkey


@pytest.mark.slow
def test_audit_key_in_production_needs_no_database_and_prints_one_line() -> None:
    kept = {name: os.environ[name] for name in os.environ if name in ("PATH", "HOME") or name.startswith("COV")}
    production = {
        "DAYBOOK_ENV": "production",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
        "JWT_SECRET_KEY": secrets.token_urlsafe(48),
        "AUDIT_SIGNING_KEY": base64url(SEED),
        "DATABASE_URL": "postgresql://daybook@127.0.0.1:1/daybook",
        "ALLOWED_HOSTS": "api.example.com",
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "audit_key"],
        cwd=ROOT, env=kept | production, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.stdout == Verifier("daybook", PUBLIC_KEY).vkey + "\n", done.stderr
