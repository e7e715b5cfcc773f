"""Shapes of documents."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from knowledge.chunking import MAX_TOKENS, MIN_TOKENS
from knowledge.languages import CONFIGURATIONS
from knowledge.models import MAX_CONTENT, MAX_TAG, MAX_TAGS, MAX_URI, KnowledgeDoc
from knowledge.outline import MAX_TITLE
from resources.serializers import MAX_VERSION, CountedListField, MetadataField
from web.serializers import StrictSerializer

# Six titles of headings below each other, and what stands between them.
MAX_HEADING = 6 * MAX_TITLE + 5 * len(" > ")
MAX_SIZE = 2**31 - 1
DOCUMENT = "0198c5a2-7d10-7b6c-9e21-3f4a5b6c7d8e"
CHUNK = "0198c5a2-7d84-7e0f-8c13-9a8b7c6d5e4f"
HANDS = ["server", "client"]


class LastErrorSerializer(serializers.Serializer[Any]):
    """Why indexing failed."""

    code = serializers.CharField(max_length=100)
    message = serializers.CharField(max_length=1000)


class FileSerializer(serializers.Serializer[Any]):
    """The file that a document was made from."""

    name = serializers.CharField(max_length=255)
    type = serializers.CharField(max_length=100, help_text="Its media type.")
    size = serializers.IntegerField(min_value=0, max_value=MAX_SIZE, help_text="In bytes.")


class ProgressSerializer(serializers.Serializer[Any]):
    """How far the indexing has come."""

    chunks_done = serializers.IntegerField(min_value=0, max_value=MAX_SIZE)
    chunks_total = serializers.IntegerField(min_value=0, max_value=MAX_SIZE)


class ChunkingSerializer(StrictSerializer):
    """How a document is split into passages."""

    max_tokens = serializers.IntegerField(
        required=False,
        min_value=MIN_TOKENS,
        max_value=MAX_TOKENS,
        help_text="The longest passage, in word pieces of the model.",
    )
    overlap = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_TOKENS // 2 - 1,
        help_text="How much of a passage the next one repeats: less than half of it.",
    )
    by = serializers.ChoiceField(
        HANDS,
        required=False,
        help_text="Who makes the passages. What the client stored is made anew by `server`; `client` can't be written.",
    )

    def validate_by(self, by: str) -> str:
        """Passages come with their embeddings, or not at all."""
        if by == "client":
            raise serializers.ValidationError("Store the passages themselves: PUT …/chunks.", "invalid")
        return by


class DocumentListSerializer(StrictSerializer):
    """A document without its content."""

    example: ClassVar[dict[str, Any]] = {
        "id": DOCUMENT,
        "title": "Zoo",
        "content_hash": "6196e785dfc9962e67b8530b7d24796f1c954e78dfe8d9f3ac067bc6a1d4bee8",
        "metadata": {"source": "handbook"},
        "source_uri": "https://zoo.example/handbook/elephants",
        "language": "en",
        "tags": ["animals"],
        "file": None,
        "status": "completed",
        "last_error": None,
        "progress": None,
        "chunk_count": 1,
        "chunking": {"max_tokens": 254, "overlap": 32, "by": "server"},
        "created_at": "2026-01-05T08:32:40.551207Z",
        "updated_at": "2026-01-05T08:32:41.902663Z",
        "trashed_at": None,
        "version": 2,
    }

    id = serializers.UUIDField(read_only=True)
    title = serializers.CharField(max_length=255)
    content_hash = serializers.RegexField(
        "^[0-9a-f]{64}$", max_length=64, read_only=True, help_text="SHA-256 of the content in UTF-8, or of the file."
    )
    metadata = MetadataField(required=False)
    source_uri = serializers.CharField(
        max_length=MAX_URI, required=False, allow_null=True, help_text="Where it comes from."
    )
    language = serializers.ChoiceField(
        list(CONFIGURATIONS),
        required=False,
        help_text="ISO 639-1: the language whose words are found in any of their forms; `und` for none.",
    )
    tags = CountedListField(
        child=serializers.CharField(max_length=MAX_TAG),
        max_length=MAX_TAGS,
        required=False,
        help_text="In their order, each once.",
    )
    file = FileSerializer(read_only=True, allow_null=True)
    status = serializers.ChoiceField(
        KnowledgeDoc.Status.choices, read_only=True, help_text="Whether it can be found yet, in its present form."
    )
    last_error = LastErrorSerializer(read_only=True, allow_null=True)
    progress = ProgressSerializer(read_only=True, allow_null=True)
    chunk_count = serializers.IntegerField(read_only=True, min_value=0, max_value=MAX_SIZE)
    chunking = ChunkingSerializer(required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    trashed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    version = serializers.IntegerField(
        read_only=True, min_value=1, max_value=MAX_VERSION, help_text="One more with each change: the ETag."
    )


class DocumentSerializer(DocumentListSerializer):
    """A document as its owner reads and writes it. The content is kept to the character."""

    example: ClassVar[dict[str, Any]] = {
        **dict([*DocumentListSerializer.example.items()][:2]),
        "content": "The elephant sleeps in the blue tent.",
        **DocumentListSerializer.example,
    }

    content = serializers.CharField(max_length=MAX_CONTENT, trim_whitespace=False)


class NewDocumentSerializer(DocumentSerializer):
    """A new document, and what is to be done if there is one with its content."""

    if_exists = serializers.ChoiceField(
        ["refuse", "update"],
        required=False,
        write_only=True,
        help_text="`refuse`: 409 with the id of that one. `update`: it gets what else the body says.",
    )


def document_columns(members: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a document's valid members are stored in."""
    columns = dict(members)
    chunking = columns.pop("chunking", {})
    for member, column in (("max_tokens", "chunk_tokens"), ("overlap", "chunk_overlap")):
        if member in chunking:
            columns[column] = chunking[member]
    if "by" in chunking:
        columns["own_chunks"] = False
    if "tags" in columns:
        columns["tags"] = list(dict.fromkeys(columns["tags"]))
    return columns
