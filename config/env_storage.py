"""Where the documents' files lie: what its variables have to look like, and Django's settings for it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config.env_secrets import secret_faults
from config.env_values import Fault, Problem, origin_faults, shown

# The rules of S3 for general purpose buckets, but for the rarer ones.
_BUCKET = re.compile(r"(?!xn--)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{2,40}")
_KEY_NAMES = ("STORAGE_S3_ACCESS_KEY_ID", "STORAGE_S3_SECRET_ACCESS_KEY")
_OF_A_BUCKET = ("STORAGE_S3_ENDPOINT_URL", "STORAGE_S3_REGION", *_KEY_NAMES)


def bucket_faults(name: str, production: bool) -> Iterator[Fault]:
    """Yield why no bucket can have this name."""
    if not _BUCKET.fullmatch(name) or ".." in name:
        yield f"{shown(name)} isn't a bucket's name", "give the bare name: 3 to 63 lower-case letters, digits, . and -"


def endpoint_faults(url: str, production: bool) -> Iterator[Fault]:
    """Yield why no S3 can be asked at this address, and in production plain HTTP."""
    for fault, mend in origin_faults((url,), production):
        yield (
            fault.replace("an exact origin", "an endpoint's address"),
            mend.replace(
                "write it as browsers send it, such as https://app.example.com", "write it as https://s3.example.com"
            ),
        )


def region_faults(name: str, production: bool) -> Iterator[Fault]:
    """Yield why no region has this name."""
    if not _REGION.fullmatch(name):
        yield f"{shown(name)} isn't a region", "give its code, such as eu-central-1, or auto"


def access_key_faults(key: str, production: bool) -> Iterator[Fault]:
    """Yield white space at the ends; how strong the secret is was for its maker to decide."""
    yield from secret_faults(key, production=False, mend="copy it again, without white space around it")


def storage_faults(given: Mapping[str, str]) -> Iterator[Problem]:
    """What belongs together and isn't all there: files would silently be kept elsewhere."""
    if "STORAGE_S3_BUCKET" not in given:
        for name in sorted(given.keys() & {*_OF_A_BUCKET}):
            yield Problem(name, "is set without STORAGE_S3_BUCKET", "set STORAGE_S3_BUCKET, too, or remove it")
    elif len(given.keys() & {*_KEY_NAMES}) == 1:
        (missing,) = {*_KEY_NAMES} - given.keys()
        yield Problem(missing, "is missing, while the other half of the key is there", "set both, or neither")


def local_storage(directory: Path) -> dict[str, Any]:
    """Django's storage in a directory that nobody else can look into. It has no addresses."""
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": directory, "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    }


def s3_storage(bucket: str, **options: str | None) -> dict[str, Any]:
    """django-storages' S3. No rights are given to anybody: who wants a file asks this service."""
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            **{name: value for name, value in options.items() if value is not None},
            "default_acl": None,
            "querystring_auth": True,
            # Each name is used once, so there is nothing to be asked for before.
            "file_overwrite": True,
            # What is read is kept on the disk beyond it.
            "max_memory_size": 2**20,
        },
    }
