"""Files go in and come out."""

import json
from typing import Any
from uuid import UUID

from django.core.files import File
from django.db import transaction
from django.http import FileResponse, HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from audit.services import record
from knowledge import files, services, uploads
from knowledge.extraction.sniffing import KINDS
from knowledge.models import KnowledgeDoc
from knowledge.rows import DOCUMENT_LIST
from knowledge.serializers import DocumentListSerializer, document_columns
from knowledge.upload_parsers import FormParser, refuse_large
from knowledge.upload_serializers import BINARY, FileFormSerializer, UploadSerializer, form_members
from knowledge.uploads import FILED, UnsupportedFile
from resources.idempotency import Attempt, takes_key
from resources.rows import LIVE, TRASHED
from resources.views import TrashViewSet, answer
from web.parameters import ETAG, LOCATION
from web.preconditions import PreconditionFailed, entity_tag, not_modified
from web.refusals import refusal

FORM = "multipart/form-data"
# A browser that shows the file nevertheless runs nothing of it, and fetches nothing for it.
SANDBOX = "sandbox; default-src 'none'"
PLACE = OpenApiParameter(
    "Location", LOCATION["schema"], "header", required=True, response=[200, 202], description="Where it is."
)
TAG = OpenApiParameter("ETag", ETAG["schema"], "header", required=True, response=[202], description=ETAG["description"])
KEPT = [
    OpenApiParameter(
        "Content-Disposition",
        {"type": "string", "maxLength": 2_048},
        "header",
        required=True,
        response=[200],
        description="The file's name, and that a browser keeps it.",
    ),
    OpenApiParameter(
        "Content-Security-Policy", {"type": "string", "const": SANDBOX}, "header", required=True, response=[200]
    ),
]
UNSUPPORTED = refusal(
    415, "The file can't be read, or the body is no form.", UnsupportedFile.default_code, UnsupportedFile.default_detail
)
BYTES = OpenApiResponse(BINARY, "The file as it was uploaded.", [OpenApiExample("A file", "%PDF-1.7 …")])


class Received:
    """A form that was read and found well.

    members: the columns that it names, and `if_exists`. digest: SHA-256 of the file's bytes.
    """

    def __init__(self, request: Request, shape: type[FileFormSerializer]) -> None:
        self.members = document_columns(form_members(request.data, shape))
        self.file: File = self.members.pop("file")
        refuse_large(self.file.size)
        self.media_type = uploads.media_type_of(self.file)
        self.digest = files.digest_of(self.file)

    @property
    def fingerprint(self) -> bytes:
        """What stands for the body, whose boundaries are others at each attempt."""
        return json.dumps([self.file.name, self.digest, self.members], sort_keys=True).encode()

    def store(self, owner_id: UUID) -> files.StoredFile:
        """Before the transaction that makes a document of it. Raises `StorageUnavailable`."""
        return files.store(owner_id=owner_id, file=self.file, media_type=self.media_type, digest=self.digest)


class FileViewSet(TrashViewSet):
    """Base of what has to do with a document's file."""

    queryset = KnowledgeDoc.objects.none()
    serializer_class = DocumentListSerializer
    rows = FILED
    listing = DOCUMENT_LIST
    parser_classes = (FormParser,)
    known = {"retrieve": ("trashed",)}


class UploadViewSet(FileViewSet):
    """A file becomes a document."""

    @extend_schema(
        operation_id="knowledge_documents_upload",
        summary="Upload a file",
        parameters=[PLACE, TAG],
        request={FORM: UploadSerializer},
        responses={200: DocumentListSerializer, 202: DocumentListSerializer, 415: UNSUPPORTED},
    )
    @takes_key
    def create(self, request: Request) -> HttpResponse:
        """Store a file as a document; it is read and indexed in the background.

        What kind of file it is, is told by its content. The same file again is refused, or updates (200). What can't be
        read ends as `failed`, with a `last_error` that says why.
        """
        received = Received(request, UploadSerializer)
        given = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if given is None:
            return self._made(received)
        attempt = Attempt.of(request, given, received.fingerprint)
        with transaction.atomic():
            # Before the file is stored again for nothing.
            if replayed := attempt.claim():
                return replayed
        return self._made(received, attempt)

    def _made(self, received: Received, attempt: Attempt | None = None) -> HttpResponse:
        """The document is made, or found; which of both is decided twice, for storing takes its time."""
        update = received.members.pop("if_exists", "refuse") == "update"
        existing = uploads.twin(self.owner_id, received.digest)
        if existing and not update:
            raise uploads.refusal(existing)
        stored = None if existing else received.store(self.owner_id)

        def work() -> HttpResponse:
            if stored:
                row = uploads.create(self.owner_id, stored, received.members)
            else:
                row = services.update(self.owner_id, existing, received.members, which=LIVE)  # type: ignore[arg-type]
            response = answer(row, status.HTTP_202_ACCEPTED if stored else status.HTTP_200_OK)
            response["Location"] = self.place(row.id)
            return response

        return attempt.answer(self, self.request, work) if attempt else work()


class DocumentFileViewSet(FileViewSet):
    """The file that a document was made from."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """A file is of the kind that it is, whatever the client would rather have."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="knowledge_documents_file_retrieve",
        summary="Download a document's file",
        parameters=KEPT,
        responses={(200, media_type): BYTES for media_type in KINDS},
    )
    def retrieve(self, request: Request, pk: UUID) -> Any:
        """The original, to the byte. Reading is put on record; to be told that nothing has changed is none."""
        is_trashed = self.asked(request) == TRASHED
        documents = KnowledgeDoc.objects.for_user(self.owner_id).exclude(file_key=None)
        document = documents.filter(pk=pk, trashed_at__isnull=not is_trashed).defer("content", "metadata").first()
        if document is None:
            raise NotFound
        if unchanged := not_modified(request, document.version):
            return unchanged
        with files.reachable():
            file = files.open_file(document)
        record(action="document.read", object_type="document", object_id=pk, detail={"file": True})
        headers = {
            "Content-Length": str(document.file_size),
            "Content-Security-Policy": SANDBOX,
            "ETag": entity_tag(document.version),
        }
        name, media_type = str(document.file_name), str(document.file_type)
        return FileResponse(file, as_attachment=True, filename=name, content_type=media_type, headers=headers)

    @extend_schema(
        operation_id="knowledge_documents_file_update",
        summary="Replace a document's file",
        request={FORM: FileFormSerializer},
        responses={200: DocumentListSerializer, 415: UNSUPPORTED},
    )
    def update(self, request: Request, pk: UUID) -> HttpResponse:
        """Give a document another file, which is read and indexed anew; until then it is found in its old form."""
        # Before anything of the file is read; and once more when it is there.
        versions = self.expected(request, pk)
        row = self.rows.find(self.owner_id, pk, which=LIVE, members=("id",))
        if versions is not None and row.version not in versions:
            raise PreconditionFailed(row.version)
        received = Received(request, FileFormSerializer)
        if (existing := uploads.twin(self.owner_id, received.digest)) not in (None, pk):
            raise uploads.refusal(existing)
        stored = received.store(self.owner_id)
        return answer(uploads.replace(self.owner_id, pk, stored, versions=versions))
