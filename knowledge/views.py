"""Document and search endpoints."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from accounts.ownership import requester
from audit.services import record
from knowledge import search, services
from knowledge.models import KnowledgeDoc, VectorChunk
from knowledge.serializers import (
    ChunkSerializer,
    DocumentListSerializer,
    DocumentSerializer,
    EmbeddedChunkSerializer,
    HitsSerializer,
    SearchSerializer,
)
from resources.idempotency import retry_safe
from web.errors import InvalidParameter
from web.lists import OldestFirst
from web.views import StrictView

INCLUDE = OpenApiParameter("include", OpenApiTypes.STR, enum=["embedding"], description="Add the embeddings.")

LOCATION = OpenApiParameter(
    "Location", OpenApiTypes.URI, "header", required=True, response=[202], description="Where it will be, and is."
)


class DocumentViewSet(StrictView, ModelViewSet[KnowledgeDoc]):
    """The signed-in user's documents, newest first. `status` says whether a document can be found yet."""

    queryset = KnowledgeDoc.objects.none()
    serializer_class = DocumentSerializer
    lookup_value_converter = "uuid"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self) -> QuerySet[KnowledgeDoc]:
        """The first wall; the database is the second."""
        documents = KnowledgeDoc.objects.for_user(requester(self.request))
        return documents.defer("content") if self.action == "list" else documents

    def get_serializer_class(self) -> type[BaseSerializer[KnowledgeDoc]]:
        """Lists leave the content out."""
        return DocumentListSerializer if self.action == "list" else DocumentSerializer

    @extend_schema(parameters=[LOCATION], responses={202: DocumentSerializer})
    @retry_safe
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Store a document; it is indexed in the background."""
        members = DocumentSerializer.read(request.data)
        document = services.create_document(owner_id=requester(request), **members)
        place = reverse("document-detail", args=[document.pk], request=request)
        body = self.get_serializer(document).data
        return Response(body, status.HTTP_202_ACCEPTED, headers={"Location": place})

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One document with its content. Reading is put on record."""
        document = self.get_object()
        record(action="document.read", object_type="document", object_id=document.pk)
        return Response(self.get_serializer(document).data)

    def perform_update(self, serializer: BaseSerializer[KnowledgeDoc]) -> None:
        """New content is indexed anew. A change of nothing is a look, for the answer holds the document."""
        document = cast(KnowledgeDoc, serializer.instance)
        if not serializer.validated_data:
            record(action="document.read", object_type="document", object_id=document.pk)
        serializer.instance = services.update_document(document=document, **serializer.validated_data)

    @extend_schema(
        parameters=[INCLUDE],
        responses=EmbeddedChunkSerializer(many=True),
        filters=False,
        summary="List a document's passages",
    )
    @action(detail=True, pagination_class=OldestFirst, query_parameters=("include", *OldestFirst.parameters))
    def chunks(self, request: Request, **kwargs: Any) -> Response:
        """The passages that the document is split into, in their order. Reading is put on record."""
        include = request.query_params.get("include", "")
        if include not in ("", "embedding"):
            raise InvalidParameter({"include": ["Only `embedding` can be included."]})
        document = self.get_object()
        rows = VectorChunk.objects.for_user(requester(request)).filter(document=document)
        page: Any = self.paginate_queryset(cast(Any, rows.select_related("vector") if include else rows))
        record(action="document.read", object_type="document", object_id=document.pk, detail={"chunks": True})
        shape = EmbeddedChunkSerializer if include else ChunkSerializer
        return self.get_paginated_response(shape(page, many=True).data)


class SearchView(StrictView):
    """Search one's own documents."""

    noun = "search"

    @extend_schema(
        request=SearchSerializer,
        responses=HitsSerializer,
        operation_id="knowledge_search",
        summary="Search documents by meaning",
    )
    def post(self, request: Request) -> Response:
        """The passages nearest in meaning, best first. Searching is put on record, its words only if policy says so."""
        question = SearchSerializer.read(request.data)
        hits = search.semantic(
            owner_id=requester(request),
            query=question["query"],
            limit=question["max_num_results"],
            threshold=question.get("ranking_options", {}).get("score_threshold", -1.0),
        )
        said = {"query": question["query"]}
        seen = {"hits": len(hits), "documents": sorted({str(hit["document_id"]) for hit in hits})}
        record(action="search.performed", object_type="search", detail=seen, said=said)
        return Response(HitsSerializer({"results": hits}).data)
