"""What a provider's access token and address have to look like."""

import re
from collections.abc import Iterator

from config.env_secrets import secret_faults
from config.env_values import Fault, shown

HUGGING_FACE = "https://router.huggingface.co/hf-inference"

# What fits into a header, in one word.
_TOKEN = re.compile(r"[\x21-\x7e]+")
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/[\w.~-]+)*", re.ASCII)
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
_TOKEN_MEND = "copy the token as Hugging Face shows it when it is made"  # noqa: S105
_URL_MEND = f"use an address such as {HUGGING_FACE}: no user, query or trailing slash"


def access_token_faults(token: str, production: bool) -> Iterator[Fault]:
    """Yield why the text can't be sent as a bearer token, or what is wrong with the secret."""
    if _TOKEN.fullmatch(token.strip()):
        yield from secret_faults(token, production, _TOKEN_MEND)
    else:
        yield "has characters that no access token has", _TOKEN_MEND


def provider_url_faults(url: str, production: bool) -> Iterator[Fault]:
    """Yield why texts and the key can't be sent there: in cleartext they go to this machine, outside production."""
    match = _URL.fullmatch(url)
    if not match:
        yield f"{shown(url)} isn't the address of a provider", _URL_MEND
    elif match["scheme"] == "http" and (production or match["host"] not in _LOOPBACK):
        yield f"{shown(url)} isn't encrypted", "use an https:// address"
