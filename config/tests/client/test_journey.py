"""A program that knows nothing but the description gets along with the service."""

import importlib
import json
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from accounts.models import User
from config.tests.client.conftest import PACKAGE, Person, operations

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


def test_every_operation_is_generated(package: Path) -> None:
    description = json.loads((package.parent / "openapi.json").read_text())
    described = {operation["operationId"] for path in description["paths"].values() for operation in path.values()}

    assert {path.stem for path in operations(package)} == described


def test_new_user_takes_the_journey(
    visit: Callable[..., Person], models: ModuleType, people: list[Person], package: Path
) -> None:
    ada = signs_up(visit, models)

    works_on_a_task(ada, models)
    sorts_tasks(ada, models)
    moves_many_tasks(ada, models)
    keeps_a_document(ada, models)
    uploads_a_file(ada, models)
    looks_after_the_provider(ada, visit, models)
    reads_the_record(ada, models)
    errs(ada, models)

    ada("auth_logout")
    refused = ada("me")
    assert isinstance(refused, models.Problem)
    assert (refused.status, refused.code) == (401, "session_ended")
    assert set.union(*(person.asked for person in people)) == {path.stem for path in operations(package)}


def signs_up(visit: Callable[..., Person], models: ModuleType) -> Person:
    stranger = visit()
    user = stranger("auth_register", body=models.RegisterRequest("ada@example.com", PASSWORD))
    first = stranger("auth_token", body=models.SignInRequest("ada@example.com", PASSWORD))
    tokens = stranger("auth_token_refresh", body=models.RefreshRequest(first.refresh))
    assert tokens.token_type == models.TokenTypeEnum.BEARER

    ada = visit(tokens.access)
    assert ada("me") == user
    return ada


def works_on_a_task(ada: Person, models: ModuleType) -> None:
    task = ada("tasks_create", body=models.TaskRequest("Feed the elephant", due_on=date(2026, 1, 31)))
    assert isinstance(task, models.Task)
    assert ada("tasks_list", completed=False, sort=models.TasksListSort.DUE).results == [task]
    assert ada("tasks_retrieve", task.id) == task
    part = ada("tasks_retrieve", task.id, fields="title")
    assert part.to_dict() == {"title": "Feed the elephant"}

    renamed = ada("tasks_partial_update", task.id, body=models.PatchedTaskRequest(title="Feed both elephants"))
    assert (renamed.title, renamed.completed, renamed.due_on) == ("Feed both elephants", False, date(2026, 1, 31))
    late = ada("tasks_update", task.id, body=models.TaskRequest("Too late"), if_match='"1"')
    assert isinstance(late, models.Problem)
    assert late.code == "precondition_failed"
    assert ada("tasks_update", task.id, body=models.TaskRequest("Feed them"), if_match='"2"').due_on is None

    assert [ada(f"tasks_{deed}", task.id).completed for deed in ("toggle", "reopen", "close")] == [True, False, True]
    assert ada("tasks_destroy", task.id) is None
    gone = ada("tasks_retrieve", task.id)
    assert isinstance(gone, models.Problem)
    assert gone.status == 404
    assert ada("tasks_restore", task.id).trashed_at is None


def sorts_tasks(ada: Person, models: ModuleType) -> None:
    label = ada("labels_create", body=models.LabelRequest("Zoo"))
    taken = ada("labels_create", body=models.LabelRequest("zoo"))
    assert (taken.code, taken.existing) == ("label_exists", label.id)
    assert ada("labels_retrieve", label.id) == label
    assert ada("labels_update", label.id, body=models.LabelRequest("Circus")).name == "Circus"
    label = ada("labels_partial_update", label.id, body=models.PatchedLabelRequest(name="Zoo"))
    assert ada("labels_list").results == [label]

    parent = ada("tasks_list", fields="id").results[0].id
    body = models.ExternalTaskRequest("Sweep", labels=[label.id], parent=parent, priority=models.PriorityEnum.HIGH)
    swept = ada("tasks_external_update", "handbook", "chapter/7", body=body)
    assert ada("tasks_list", label=label.id, parent=parent).results == [swept]
    assert ada("tasks_move", swept.id, body=models.MoveRequest(after=None)).position < swept.position
    assert ada("labels_destroy", label.id) is None
    assert ada("tasks_retrieve", swept.id).labels == []


def moves_many_tasks(ada: Person, models: ModuleType) -> None:
    create = models.CreateOp.CREATE
    body = models.BulkRequest([models.CreateTaskRequest(create, models.TaskRequest(name)) for name in ("a", "b")])
    first = ada("tasks_bulk", body=body, idempotency_key="a-and-b")
    assert [task.title for task in first.results] == ["a", "b"]
    assert ada("tasks_bulk", body=body, idempotency_key="a-and-b") == first

    file = ada("tasks_export", format_=models.TasksExportFormat.JSON, search="a")
    report = ada("tasks_import", body=models.TaskFileRequest.from_dict(file.to_dict()))
    assert (report.created, report.skipped) == (0, len(file.tasks))

    changed = ada("changes")
    assert {task.id for task in first.results} <= {change.id for change in changed.results}
    assert ada("changes", cursor=changed.next_).results == []


def keeps_a_document(ada: Person, models: ModuleType) -> None:
    metadata = models.NewDocumentRequestMetadata.from_dict({"source": "handbook"})
    body = models.NewDocumentRequest("Zoo", content="The elephant sleeps in the blue tent.", metadata=metadata)
    document = ada("knowledge_documents_create", body=body)

    assert (document.status, document.last_error) == (models.DocumentStatus.IN_PROGRESS, None)
    assert document.metadata["source"] == "handbook"
    again = ada("knowledge_documents_create", body=body)
    assert (again.code, again.existing) == ("content_exists", document.id)
    assert ada("knowledge_documents_list").results == [document]
    read = ada("knowledge_documents_retrieve", document.id)
    assert (read.id, read.content) == (document.id, body.content)
    assert ada("knowledge_documents_chunks_list", document.id).results == []
    # No worker runs here, so nothing is indexed.
    assert ada("knowledge_search", body=models.SearchRequest("Where does the elephant sleep?")).results == []

    moved = ada("knowledge_documents_partial_update", document.id, body=models.PatchedDocumentRequest(title="Circus"))
    assert (moved.title, moved.content_hash, moved.version) == ("Circus", document.content_hash, 2)
    replaced = ada("knowledge_documents_update", document.id, body=models.DocumentRequest("Zoo", body.content))
    assert (replaced.title, replaced.metadata.to_dict()) == ("Zoo", {})
    assert ada("knowledge_documents_reindex", document.id).status == models.DocumentStatus.IN_PROGRESS
    stores_passages(ada, models, document.id)
    ada("knowledge_documents_destroy", document.id)
    assert ada("knowledge_documents_list").results == []
    assert ada("knowledge_documents_restore", document.id).trashed_at is None
    changes_many_documents(ada, models, document.id)


def stores_passages(ada: Person, models: ModuleType, key: UUID) -> None:
    """With embeddings of the client's own."""
    first, second = (models.PassageRequest(start, start + 3, [1.0] * 384) for start in (0, 4))
    stored = ada("knowledge_documents_chunks_update", key, body=models.PassagesRequest([first]))
    assert (stored.status, stored.chunk_count) == (models.DocumentStatus.COMPLETED, 1)
    assert ada("knowledge_documents_chunks_add", key, body=models.PassagesRequest([second])).chunk_count == 2
    include = models.KnowledgeDocumentsChunksListInclude.EMBEDDING
    chunks = ada("knowledge_documents_chunks_list", key, include=include).results
    assert [(chunk.content, len(chunk.embedding)) for chunk in chunks] == [("The", 384), ("ele", 384)]
    assert ada("knowledge_documents_reindex", key).code == "own_chunks"


def changes_many_documents(ada: Person, models: ModuleType, key: UUID) -> None:
    new = models.DocumentRequest("Circus", content="The clown sleeps in the red tent.")
    operations = [
        models.CreateDocumentRequest(op=models.CreateOp.CREATE, document=new),
        models.DeleteDocumentRequest(op=models.DeleteOp.DELETE, id=key),
    ]
    made, gone = ada("knowledge_documents_bulk", body=models.DocumentBulkRequest(operations)).results
    assert (made.title, gone.id, made.trashed_at) == ("Circus", key, None)
    assert ada("knowledge_documents_list").results == [made]


def uploads_a_file(ada: Person, models: ModuleType) -> None:
    def file(text: str) -> Any:
        return importlib.import_module(f"{PACKAGE}.types").File(BytesIO(text.encode()), file_name="zoo.md")

    body = models.UploadRequest(file("# Zoo"), tags=["animals", "tents"], metadata='{"page": 7}')
    document = ada("knowledge_documents_upload", body=body, idempotency_key="zoo")
    assert (document.title, document.tags, document.metadata["page"]) == ("zoo", ["animals", "tents"], 7)
    assert ada("knowledge_documents_file_retrieve", document.id).payload.read() == b"# Zoo"
    replaced = ada("knowledge_documents_file_update", document.id, body=models.FileFormRequest(file("# Circus")))
    assert replaced.version > document.version
    assert ada("knowledge_documents_file_retrieve", document.id).payload.read() == b"# Circus"

    searches = [models.SearchRequest("tent", mode=mode) for mode in models.ModeEnum]
    answers = ada("knowledge_search_batch", body=models.BatchRequest(searches)).results
    assert [(answer.mode, answer.degraded, answer.results) for answer in answers] == [
        (mode, False, []) for mode in models.ModeEnum
    ]


def looks_after_the_provider(ada: Person, visit: Callable[..., Person], models: ModuleType) -> None:
    """A key that nobody can try, for nobody is there to ask, is kept until it can be."""
    assert ada("embedding_provider_retrieve").status == 403
    User.objects.create_superuser("staff@example.com", PASSWORD)
    tokens = visit()("auth_token", body=models.SignInRequest("staff@example.com", PASSWORD))
    staff = visit(tokens.access)
    before = staff("embedding_provider_retrieve")
    assert (before.provider, before.key.configured) == (models.ProviderEnum.LOCAL, False)
    stored = staff("embedding_provider_update", body=models.NewKeyRequest("x" * 30))
    assert (stored.key.configured, stored.key.valid, stored.key.error.code) == (True, None, "embedding_unreachable")
    assert staff("embedding_provider_check").key.valid is None
    assert staff("embedding_provider_destroy") is None


def reads_the_record(ada: Person, models: ModuleType) -> None:
    wanted = {"object_type": "task", "outcome": models.AuditEventsListOutcome.SUCCESS, "action": "task.updated"}
    page = ada("audit_events_list", **wanted, limit=1)
    (event,) = page.results
    assert ada("audit_events_retrieve", event.id) == event
    before = ada("audit_events_list", **wanted, cursor=page.next_).results
    assert [False, True] in [each.changes.additional_properties.get("completed") for each in before]
    exported = ada("audit_events_export", action="task.created").splitlines()
    assert {tuple(json.loads(line)["changes"]["title"]) for line in exported} == {(None, "•••")}
    # Nor is anything sealed.
    unsealed = (
        ada("audit_events_proof", event.id),
        ada("audit_checkpoints_latest"),
        ada("audit_checkpoints_retrieve", 1),
    )
    assert [problem.status for problem in unsealed] == [409, 404, 404]


def errs(ada: Person, models: ModuleType) -> None:
    refused = ada("tasks_list", limit=1000)
    assert isinstance(refused, models.ValidationProblem)
    assert (refused.status, refused.code) == (422, "validation")
    assert [fault.location for fault in refused.errors] == ["query.limit"]
