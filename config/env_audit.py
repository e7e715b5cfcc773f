"""What the audit record's key, its name and the keys trusted beside it have to look like."""

import re
from collections.abc import Iterator

from audit.note import MalformedKey, Verifier
from config.env_secrets import GENERATED, is_token, secret_faults, secret_mend
from config.env_values import Fault, shown

SIGNING_KEY_MEND = secret_mend(GENERATED["AUDIT_SIGNING_KEY"])

# Narrower than a signed note's: the name is part of the public key, and has to stand in a list with commas.
_LOG_NAME = re.compile(r"[\w./:-]+", re.ASCII)


def signing_key_faults(key: str, production: bool) -> Iterator[Fault]:
    """Yield why the text isn't the seed of an Ed25519 key (RFC 8032) in base64url, or what is wrong with the secret."""
    if is_token(key.strip(), GENERATED["AUDIT_SIGNING_KEY"]):
        yield from secret_faults(key, production, SIGNING_KEY_MEND)
    else:
        yield "isn't 32 bytes in base64url: 43 letters, digits, - and _, without padding", SIGNING_KEY_MEND


def trusted_key_faults(keys: tuple[str, ...], production: bool) -> Iterator[Fault]:
    """Yield the entries that aren't public keys as `manage.py audit_key` prints them."""
    for number, key in enumerate(keys, 1):
        try:
            Verifier.parse(key)
        except MalformedKey as exc:
            # The entry itself isn't shown: it may be the private key, taken for the public one.
            yield f"entry {number} isn't a public key. {exc}", "copy what manage.py audit_key printed for that key"


def log_name_faults(name: str, production: bool) -> Iterator[Fault]:
    """Yield why the name can't be that of a log and of the keys that seal it."""
    if not _LOG_NAME.fullmatch(name):
        fault = f"{shown(name)} has other characters than ASCII letters, digits and . _ / : -"
        yield fault, "use a name such as daybook.example.com"
