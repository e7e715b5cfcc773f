"""Shapes of documents, chunks and searches."""

from typing import Any, ClassVar

from rest_framework import serializers

from knowledge.embeddings import DIMENSIONS
from knowledge.models import MAX_CONTENT, KnowledgeDoc, VectorChunk
from knowledge.outline import MAX_TITLE
from resources.serializers import MetadataField
from web.serializers import StrictModelSerializer, StrictSerializer

MAX_QUERY = 2_000
MAX_HITS = 50
# Six titles of headings below each other, and what stands between them.
MAX_HEADING = 6 * MAX_TITLE + 5 * len(" > ")
DOCUMENT = "0198c5a2-7d10-7b6c-9e21-3f4a5b6c7d8e"
CHUNK = "0198c5a2-7d84-7e0f-8c13-9a8b7c6d5e4f"


class LastErrorSerializer(serializers.Serializer[Any]):
    """Why indexing failed."""

    code = serializers.CharField(max_length=100)
    message = serializers.CharField(max_length=1000)


class DocumentListSerializer(StrictModelSerializer):
    """A document without its content, as lists give it."""

    example: ClassVar[dict[str, Any]] = {
        "id": DOCUMENT,
        "title": "Zoo",
        "metadata": {"source": "handbook"},
        "status": "completed",
        "last_error": None,
        "chunk_count": 1,
        "created_at": "2026-01-05T08:32:40.551207Z",
        "updated_at": "2026-01-05T08:32:41.902663Z",
    }

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

    example = DocumentListSerializer.example | {"content": "The elephant sleeps in the blue tent."}

    content = serializers.CharField(max_length=MAX_CONTENT, trim_whitespace=False)

    class Meta(DocumentListSerializer.Meta):
        fields = [*DocumentListSerializer.Meta.fields, "content"]


class ChunkSerializer(serializers.ModelSerializer[VectorChunk]):
    """A passage: `content` is the document's content from `char_start` to `char_end`."""

    example: ClassVar[dict[str, Any]] = {
        "id": CHUNK,
        "document_id": DOCUMENT,
        "ordinal": 0,
        "content": "The elephant sleeps in the blue tent.",
        "char_start": 0,
        "char_end": 37,
        "heading": "",
        "token_count": 8,
        "model": "all-MiniLM-L6-v2",
    }

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
        extra_kwargs = {
            "content": {"max_length": MAX_CONTENT},
            "heading": {"max_length": MAX_HEADING, "required": True, "help_text": "The headings that it stands below."},
        }


class EmbeddedChunkSerializer(ChunkSerializer):
    """A passage with its embedding: 384 numbers, L2-normalised, half precision."""

    embedding = serializers.ListField(
        source="vector.embedding",
        child=serializers.FloatField(),
        required=False,
        min_length=DIMENSIONS,
        max_length=DIMENSIONS,
        help_text="With `include=embedding`.",
    )

    class Meta(ChunkSerializer.Meta):
        fields = [*ChunkSerializer.Meta.fields, "embedding"]


class RankingOptionsSerializer(StrictSerializer):
    """What counts as a hit."""

    score_threshold = serializers.FloatField(min_value=-1, max_value=1, default=-1.0)


class SearchSerializer(StrictSerializer):
    """A question to one's own documents."""

    example = {
        "query": "Where does the elephant sleep?",
        "max_num_results": 5,
        "ranking_options": {"score_threshold": 0.25},
    }

    query = serializers.CharField(max_length=MAX_QUERY)
    max_num_results = serializers.IntegerField(min_value=1, max_value=MAX_HITS, default=10)
    ranking_options = RankingOptionsSerializer(required=False)


class HitSerializer(serializers.Serializer[Any]):
    """A passage that was found. `score` is the cosine similarity with the query."""

    example = {
        "document_id": DOCUMENT,
        "chunk_id": CHUNK,
        "title": "Zoo",
        "score": 0.71,
        "content": "The elephant sleeps in the blue tent.",
        "char_start": 0,
        "char_end": 37,
        "heading": "",
    }

    document_id = serializers.UUIDField()
    chunk_id = serializers.UUIDField()
    title = serializers.CharField(max_length=255)
    score = serializers.FloatField()
    content = serializers.CharField(max_length=MAX_CONTENT)
    char_start = serializers.IntegerField(min_value=0, max_value=MAX_CONTENT)
    char_end = serializers.IntegerField(min_value=0, max_value=MAX_CONTENT)
    heading = serializers.CharField(max_length=MAX_HEADING)


class HitsSerializer(serializers.Serializer[Any]):
    """Hits, best first."""

    example = {"results": [HitSerializer.example]}

    results = serializers.ListField(child=HitSerializer(), max_length=MAX_HITS)
