"""Where the documents' files are kept, as the environment says."""

import json
from pathlib import Path

import pytest

from config.env import PROJECT_ROOT, Environment
from config.tests.test_env import problems, production
from config.tests.test_settings import PRODUCTION, run

BUCKET = {"STORAGE_S3_BUCKET": "daybook-documents"}
KEY = {
    "STORAGE_S3_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",  # pragma: allowlist secret
    "STORAGE_S3_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/bPxRfiCY",
}


def test_without_a_variable_files_lie_in_the_data_directory() -> None:
    storage = Environment.load({"DAYBOOK_DATA_DIR": "/data"}).document_storage()

    assert storage["BACKEND"] == "django.core.files.storage.FileSystemStorage"
    assert storage["OPTIONS"] == {
        "location": Path("/data/documents"),
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    }


def test_files_lie_in_the_directory_that_is_named() -> None:
    assert Environment.load({"STORAGE_DIR": "kept"}).storage_dir == PROJECT_ROOT / "kept"


def test_a_bucket_is_private() -> None:
    endpoint = {"STORAGE_S3_ENDPOINT_URL": "https://s3.example.com", "STORAGE_S3_REGION": "auto"}
    storage = Environment.load(production(**BUCKET, **KEY, **endpoint)).document_storage()

    assert storage["BACKEND"] == "storages.backends.s3.S3Storage"
    assert storage["OPTIONS"] == {
        "bucket_name": "daybook-documents",
        "endpoint_url": "https://s3.example.com",
        "region_name": "auto",
        "access_key": KEY["STORAGE_S3_ACCESS_KEY_ID"],
        "secret_key": KEY["STORAGE_S3_SECRET_ACCESS_KEY"],
        "default_acl": None,
        "querystring_auth": True,
        "file_overwrite": True,
        "max_memory_size": 2**20,
    }


def test_the_secret_of_a_bucket_isnt_shown() -> None:
    shown = repr(Environment.load(production(**BUCKET, **KEY)))

    assert not [value for value in KEY.values() if value in shown]


@pytest.mark.parametrize(
    "name", ["ab", "A-bucket", "a_bucket", "-bucket", "bucket-", "a..b", "xn--bucket", "b" * 64, "a/b"]
)
def test_what_isnt_a_buckets_name_is_refused(name: str) -> None:
    assert "isn't a bucket's name" in problems(production(STORAGE_S3_BUCKET=name))["STORAGE_S3_BUCKET"]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://s3.example.com", "isn't encrypted"),
        ("s3.example.com", "isn't an endpoint's address"),
        ("https://s3.example.com/bucket", "isn't an endpoint's address"),
    ],
)
def test_what_isnt_an_endpoint_is_refused(url: str, fault: str) -> None:
    assert fault in problems(production(**BUCKET, STORAGE_S3_ENDPOINT_URL=url))["STORAGE_S3_ENDPOINT_URL"]


def test_an_endpoint_of_a_developers_machine_needs_no_encryption() -> None:
    assert problems({**BUCKET, "STORAGE_S3_ENDPOINT_URL": "http://localhost:9000"}) == {}


def test_what_isnt_a_region_is_refused() -> None:
    assert "isn't a region" in problems({**BUCKET, "STORAGE_S3_REGION": "EU West"})["STORAGE_S3_REGION"]


def test_half_a_key_is_refused() -> None:
    for name, value in KEY.items():
        (missing,) = KEY.keys() - {name}
        assert "other half" in problems({**BUCKET, name: value})[missing]


@pytest.mark.parametrize("name", [*KEY, "STORAGE_S3_ENDPOINT_URL", "STORAGE_S3_REGION"])
def test_what_belongs_to_a_bucket_is_refused_without_one(name: str) -> None:
    found = problems({**KEY, "STORAGE_S3_ENDPOINT_URL": "https://s3.example.com", "STORAGE_S3_REGION": "auto"})

    assert "without STORAGE_S3_BUCKET" in found[name]


@pytest.mark.slow
def test_production_says_if_nobody_has_thought_of_the_disk() -> None:
    unsettled = {name: value for name, value in PRODUCTION.items() if name != "STORAGE_DIR"}

    done = run("manage.py", "check", **unsettled)

    assert done.returncode == 0
    assert "knowledge.W002" in done.stderr
    assert "knowledge.W002" not in run("manage.py", "check", **PRODUCTION).stderr


@pytest.mark.slow
def test_the_bucket_is_asked_in_the_name_of_its_key() -> None:
    script = """
import json, django
django.setup()
from django.core.files.storage import storages
storage = storages["documents"]
client = storage.bucket.meta.client
print(json.dumps([storage.bucket_name, client.meta.endpoint_url, client.meta.region_name, storage.access_key]))
"""
    endpoint = {"STORAGE_S3_ENDPOINT_URL": "https://s3.example.com", "STORAGE_S3_REGION": "auto"}
    done = run("-c", script, DJANGO_SETTINGS_MODULE="config.settings", **PRODUCTION, **BUCKET, **KEY, **endpoint)

    assert json.loads(done.stdout) == [
        "daybook-documents",
        "https://s3.example.com",
        "auto",
        KEY["STORAGE_S3_ACCESS_KEY_ID"],
    ]
