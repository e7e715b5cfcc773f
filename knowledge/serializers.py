"""Shapes of documents, chunks and searches."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from knowledge.models import MAX_CONTENT, KnowledgeDoc, VectorChunk, validate_metadata
from web.serializers import StrictModelSerializer, StrictSerializer

MAX_QUERY = 2_000


@extend_schema_field({"type": "object", "additionalProperties": True})
class MetadataField(serializers.JSONField):
    """A JSON object of at most 16 KiB, given back as it came."""

    default_validators = (validate_metadata,)


class LastErrorSerializer(serializers.Serializer[Any]):
    """Why indexing failed."""

    code = serializers.CharField()
    message = serializers.CharField()


class DocumentListSerializer(StrictModelSerializer):
    """A document without its content, as lists give it."""

    metadata = MetadataField(required=False)
    last_error = LastErrorSerializer(read_only=True, allow_null=True)

    class Meta:
        model = KnowledgeDoc
        fields = [
            "id",
            "title",
            "metadata",
            "status",
            "last_error",
            "chunk_count",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "status", "last_error", "chunk_count", "created_at", "updated_at"]


class DocumentSerializer(DocumentListSerializer):
    """A document as its owner reads and writes it. The content is kept to the character."""

    content = serializers.CharField(max_length=MAX_CONTENT, trim_whitespace=False)

    class Meta(DocumentListSerializer.Meta):
        fields = [*DocumentListSerializer.Meta.fields, "content"]


class ChunkSerializer(serializers.ModelSerializer[VectorChunk]):
    """A passage: `content` is the document's content from `char_start` to `char_end`."""

    class Meta:
        model = VectorChunk
        fields = [
            "id",
            "document_id",
            "ordinal",
            "content",
            "char_start",
            "char_end",
            "heading",
            "token_count",
            "model",
        ]


class EmbeddedChunkSerializer(ChunkSerializer):
    """A passage with its embedding: 384 numbers, L2-normalised, half precision."""

    embedding = serializers.ListField(source="vector.embedding", child=serializers.FloatField(), required=False)

    class Meta(ChunkSerializer.Meta):
        fields = [*ChunkSerializer.Meta.fields, "embedding"]


class RankingOptionsSerializer(StrictSerializer):
    """What counts as a hit."""

    score_threshold = serializers.FloatField(min_value=-1, max_value=1, default=-1.0)


class SearchSerializer(StrictSerializer):
    """A question to one's own documents."""

    query = serializers.CharField(max_length=MAX_QUERY)
    max_num_results = serializers.IntegerField(min_value=1, max_value=50, default=10)
    ranking_options = RankingOptionsSerializer(required=False)


class HitSerializer(serializers.Serializer[Any]):
    """A passage that was found. `score` is the cosine similarity with the query."""

    document_id = serializers.UUIDField()
    chunk_id = serializers.UUIDField()
    title = serializers.CharField()
    score = serializers.FloatField()
    content = serializers.CharField()
    char_start = serializers.IntegerField()
    char_end = serializers.IntegerField()
    heading = serializers.CharField()


class HitsSerializer(serializers.Serializer[Any]):
    """Hits, best first."""

    results = HitSerializer(many=True)
