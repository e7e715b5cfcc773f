"""What becomes of an uploaded file in the worker."""

from types import SimpleNamespace
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from rest_framework.test import APIClient

from knowledge.extraction.failures import MESSAGES
from knowledge.jobs import index_document
from knowledge.tests import corpus
from knowledge.tests.api import DOCUMENTS
from knowledge.tests.uploads import put, upload


def work() -> None:
    """Do what the worker would do at its first attempt."""
    for job in ProcrastinateJob.objects.filter(status="todo"):
        context: Any = SimpleNamespace(job=SimpleNamespace(attempts=0))
        index_document.func(context, **job.args)
    ProcrastinateJob.objects.all().delete()


def test_a_file_is_read_and_indexed(owner_client: APIClient) -> None:
    address = f"{DOCUMENTS}/{upload(owner_client, corpus.pdf('The elephant sleeps.', 'So do we.'), 'zoo.pdf')['id']}"
    work()

    document = owner_client.get(address).json()
    assert (document["status"], document["content"]) == ("completed", "The elephant sleeps.\n\nSo do we.")
    assert owner_client.get(f"{address}/chunks").json()["results"][0]["page"] == 1


@pytest.mark.parametrize("name", ["encrypted_pdf", "many_pages", "scanned", "truncated_docx", "zip_bomb"])
def test_a_file_that_cant_be_read_fails_with_a_sentence_and_may_be_replaced(name: str, owner_client: APIClient) -> None:
    file_name, make, code = corpus.BROKEN[name]
    pk = upload(owner_client, make(), file_name)["id"]
    work()

    document = owner_client.get(f"{DOCUMENTS}/{pk}").json()
    assert (document["status"], document["last_error"]) == ("failed", {"code": code, "message": MESSAGES[code]})
    ProcrastinateJob.objects.all().delete()
    put(owner_client, pk, b"# Mended\n")
    work()
    assert owner_client.get(f"{DOCUMENTS}/{pk}").json()["content"] == "# Mended\n"
