"""Document endpoints."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from audit.services import record
from knowledge import services
from knowledge.chunk_views import ChunkActions
from knowledge.chunking import DEFAULT_OVERLAP, MAX_TOKENS
from knowledge.languages import DEFAULT
from knowledge.models import KnowledgeDoc
from knowledge.rows import DOCUMENT_LIST, DOCUMENTS
from knowledge.serializers import (
    DocumentListSerializer,
    DocumentSerializer,
    NewDocumentSerializer,
    document_columns,
)
from resources.idempotency import retry_safe
from resources.rows import LIVE, Row
from resources.serializers import reader
from resources.views import answer
from web.parameters import ETAG, LOCATION

PLACE = OpenApiParameter(
    "Location", LOCATION["schema"], "header", required=True, response=[200, 202], description="Where it is."
)
TAG = OpenApiParameter("ETag", ETAG["schema"], "header", required=True, response=[202], description=ETAG["description"])


class DocumentViewSet(ChunkActions):
    """The signed-in user's documents, newest first. `status` says whether a document can be found yet."""

    queryset = KnowledgeDoc.objects.none()
    serializer_class = DocumentSerializer
    rows = DOCUMENTS
    listing = DOCUMENT_LIST
    defaults = {
        "metadata": {},
        "source_uri": None,
        "language": DEFAULT,
        "tags": [],
        "chunk_tokens": MAX_TOKENS,
        "chunk_overlap": DEFAULT_OVERLAP,
    }

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Of what is given the content is a part only where one document is read."""
        return DocumentSerializer if self.action == "retrieve" else DocumentListSerializer

    def columns(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """The parts of `chunking` by themselves."""
        return document_columns(members)

    def write(self, pk: UUID, values: Mapping[str, Any], **conditions: Any) -> Row:
        """What is new is indexed."""
        return services.update(self.owner_id, pk, values, **conditions)

    def retrieve(self, request: Request, pk: UUID) -> HttpResponse:
        """One document with its content. Reading is put on record; to be told that nothing has changed is none."""
        response = super().retrieve(request, pk)
        if response.status_code == status.HTTP_200_OK:
            record(action="document.read", object_type="document", object_id=pk)
        return response

    @extend_schema(
        parameters=[PLACE, TAG],
        request=NewDocumentSerializer,
        responses={200: DocumentListSerializer, 202: DocumentListSerializer},
    )
    @retry_safe
    def create(self, request: Request) -> HttpResponse:
        """Store a document; it is indexed in the background. The same content again is refused, or updates (200)."""
        members = reader(NewDocumentSerializer).run_validation(request.data)
        if_exists = members.pop("if_exists", "refuse")
        values = self.columns(members)
        if if_exists == "update":
            row, made = services.put(self.owner_id, values)
        else:
            row, made = services.insert(self.owner_id, values), True
        response = answer(row, status.HTTP_202_ACCEPTED if made else status.HTTP_200_OK)
        response["Location"] = self.place(row.id)
        return response

    @extend_schema(request=DocumentSerializer, responses=DocumentListSerializer)
    def update(self, request: Request, pk: UUID) -> HttpResponse:
        """Replace it: what the body leaves out gets its default. Another title, content, language or chunking is
        indexed anew; until then it is found in its old form."""
        return super().update(request, pk)

    @extend_schema(request=DocumentSerializer, responses=DocumentListSerializer)
    def partial_update(self, request: Request, pk: UUID) -> HttpResponse:
        """Change what the body names, and nothing else. Another title, content, language or chunking is indexed anew;
        until then it is found in its old form."""
        return super().partial_update(request, pk)

    @extend_schema(request=None, parameters=[TAG], responses={202: DocumentListSerializer})
    @action(detail=True, methods=["post"])
    @retry_safe
    def reindex(self, request: Request, pk: UUID) -> HttpResponse:
        """Index a document again, whatever has become of it the last time. One whose passages its owner stored is
        refused (409 `own_chunks`)."""
        return answer(
            self.write(pk, services.AGAIN, which=LIVE, versions=self.expected(request, pk)), status.HTTP_202_ACCEPTED
        )
