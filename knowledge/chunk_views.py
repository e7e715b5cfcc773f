"""A document's passages, as a part of its endpoints."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from audit.services import record
from knowledge import passages
from knowledge.chunk_serializers import ChunkPageSerializer, PassagesSerializer
from knowledge.rows import CHUNK_LIST, CHUNKS
from knowledge.serializers import DocumentListSerializer
from resources.idempotency import retry_safe
from resources.rows import LIVE
from resources.serializers import reader
from resources.views import JSON, TrashViewSet, answer
from web.errors import InvalidParameter
from web.parameters import ListingPages
from web.parsers import PlainNumbersParser
from web.preconditions import entity_tag

LIMITS = {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
INCLUDE = OpenApiParameter("include", OpenApiTypes.STR, enum=["embedding"], description="Add the embeddings.")
PAGES = [INCLUDE, OpenApiParameter("cursor", ListingPages.cursor), OpenApiParameter("limit", LIMITS)]


class ChunkActions(TrashViewSet):
    """`…/chunks`: what a document is split into."""

    @extend_schema(
        operation_id="knowledge_documents_chunks_list",
        summary="List a document's passages",
        parameters=PAGES,
        responses=ChunkPageSerializer,
    )
    @action(detail=True, parser_classes=[PlainNumbersParser], query_parameters=("include", "cursor", "limit"))
    def chunks(self, request: Request, pk: UUID) -> HttpResponse:
        """The passages that the document is split into, in their order. Reading is put on record."""
        include = request.query_params.get("include")
        if include not in (None, "embedding"):
            raise InvalidParameter({"include": ["Only `embedding` can be included."]})
        document = self.rows.find(self.owner_id, pk, which=LIVE, members=("id",))
        members = tuple(CHUNKS.shape) if include else CHUNKS.listed
        page = CHUNK_LIST.page(self.owner_id, request.query_params, members=members, among={"document_id": pk})
        record(action="document.read", object_type="document", object_id=pk, detail={"chunks": True})
        return HttpResponse(page, content_type=JSON, headers={"ETag": entity_tag(document.version)})

    @extend_schema(request=PassagesSerializer, responses=DocumentListSerializer)
    @chunks.mapping.put
    def store_chunks(self, request: Request, pk: UUID) -> HttpResponse:
        """Store a document's passages. They take the place of all that there are, and the server makes no others.

        Their embeddings are to be of the model that the server uses, or what is searched for doesn't find them. The
        document is completed with that. New content, or `chunking.by` `server`, has the server index it itself again.
        """
        return self._store(request, pk, replaces=True)

    @extend_schema(
        operation_id="knowledge_documents_chunks_add", request=PassagesSerializer, responses=DocumentListSerializer
    )
    @chunks.mapping.post
    @retry_safe
    def add_chunks(self, request: Request, pk: UUID) -> HttpResponse:
        """Add passages to those that were stored. They come behind them."""
        return self._store(request, pk, replaces=False)

    def _store(self, request: Request, pk: UUID, *, replaces: bool) -> HttpResponse:
        members: dict[str, Any] = reader(PassagesSerializer).run_validation(request.data)
        versions = self.expected(request, pk)
        given = {"given": members.pop("chunks"), **members}
        row = passages.store(owner_id=self.owner_id, pk=pk, replaces=replaces, versions=versions, **given)
        return answer(row)
