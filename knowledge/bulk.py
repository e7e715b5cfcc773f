"""POST /api/v1/knowledge/documents/bulk: up to a hundred operations on documents, all of them or none."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from knowledge.rows import DOCUMENTS
from knowledge.serializers import DocumentListSerializer, DocumentSerializer, document_columns
from knowledge.services import finish
from resources.bulk import MAX_OPERATIONS, NamingSerializer, OperationField, OperationsField, OperationsView, refusals
from resources.idempotency import retry_safe
from resources.operations import Operations
from resources.serializers import reader
from web.serializers import StrictSerializer


@extend_schema_field(DocumentSerializer)
class NewDocumentField(serializers.Field):
    """A new document's members, by the columns that they are stored in."""

    partial = False

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """As the endpoint of one document reads them."""
        return document_columns(reader(DocumentSerializer, partial=self.partial).run_validation(data))


@extend_schema_field(DocumentSerializer(partial=True))
class ChangedDocumentField(NewDocumentField):
    """The members of a document that change."""

    partial = True


class CreateDocumentSerializer(StrictSerializer):
    """Store a document."""

    op = serializers.ChoiceField(["create"])
    document = NewDocumentField()


class UpdateDocumentSerializer(NamingSerializer):
    """Change what `document` names, and nothing else."""

    op = serializers.ChoiceField(["update"])
    document = ChangedDocumentField()


class DeleteDocumentSerializer(NamingSerializer):
    """Move a document to the trash."""

    op = serializers.ChoiceField(["delete"])


class DocumentOperationField(OperationField):
    """An operation on a document."""

    name = "DocumentOperation"
    member = "document"
    shapes = {
        "create": CreateDocumentSerializer,
        "update": UpdateDocumentSerializer,
        "delete": DeleteDocumentSerializer,
    }
    deeds = {"delete": None}


class DocumentBulkSerializer(StrictSerializer):
    """Operations on documents."""

    operations = OperationsField(child=DocumentOperationField(), key=DOCUMENTS.key.columns)
    example: ClassVar[dict[str, Any]] = {
        "operations": [
            {"op": "create", "document": {"title": "Zoo", "content": "The elephant sleeps in the blue tent."}},
            {
                "op": "update",
                "id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "version": 3,
                "document": {"tags": ["animals"]},
            },
            {"op": "delete", "id": "01890a5d-ac96-7d6f-9f3b-1f1d1b4f9a0e", "version": 1},
        ]
    }


class DocumentBulkResultsSerializer(serializers.Serializer[Any]):
    """The documents that the operations were about, in their order, as they are after all of them."""

    example: ClassVar[dict[str, Any]] = {"results": [DocumentListSerializer.example]}

    results = DocumentListSerializer(many=True, max_length=MAX_OPERATIONS)  # type: ignore[call-arg] # the list's


class DocumentBulkView(OperationsView):
    """Many operations on documents in one request."""

    noun = "document"
    operations = Operations(DOCUMENTS, "document", finish)
    body = DocumentBulkSerializer

    @extend_schema(
        request=DocumentBulkSerializer, responses={200: DocumentBulkResultsSerializer, **refusals("document")}
    )
    @retry_safe
    def post(self, request: Request) -> HttpResponse:
        """Store, change and delete documents: all of it is done, or nothing.

        Each document is named once. Documents that are named are changed first, then new ones are stored, then others
        are moved to the trash; the results are in the order of the operations, without contents.
        """
        return self.perform(request)
