"""Shapes of passages: those that are given, and those that a client stores with its own embeddings."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from rest_framework import serializers

from knowledge.embeddings import DIMENSIONS
from knowledge.models import MAX_CONTENT
from knowledge.serializers import CHUNK, DOCUMENT, MAX_HEADING, MAX_SIZE
from resources.serializers import BoundedListSerializer
from web.lists import NewestFirst
from web.parsers import Number
from web.serializers import StrictSerializer

# Passages in a request, and characters of one.
MAX_PASSAGES, MAX_PASSAGE = 1_000, 8_000
MAX_MODEL = 100
NUMBERS = {float, int, Number}


class ChunkSerializer(serializers.Serializer[Any]):
    """A passage: `content` is the document's content from `char_start` to `char_end`."""

    example: ClassVar[dict[str, Any]] = {
        "id": CHUNK,
        "document_id": DOCUMENT,
        "ordinal": 0,
        "content": "The elephant sleeps in the blue tent.",
        "char_start": 0,
        "char_end": 37,
        "heading": "",
        "page": None,
        "token_count": 8,
        "model": "all-MiniLM-L6-v2",
    }

    id = serializers.UUIDField()
    document_id = serializers.UUIDField()
    ordinal = serializers.IntegerField(min_value=0, max_value=MAX_SIZE, help_text="Its place, from 0.")
    content = serializers.CharField(max_length=MAX_CONTENT)
    char_start = serializers.IntegerField(min_value=0, max_value=MAX_CONTENT)
    char_end = serializers.IntegerField(min_value=0, max_value=MAX_CONTENT)
    heading = serializers.CharField(max_length=MAX_HEADING, help_text="The headings that it stands below.")
    page = serializers.IntegerField(min_value=1, max_value=MAX_SIZE, allow_null=True, help_text="Of the file, from 1.")
    token_count = serializers.IntegerField(min_value=0, max_value=MAX_SIZE, help_text="In word pieces of our model.")
    model = serializers.CharField(max_length=MAX_MODEL, help_text="What embedded it; `client` if it didn't say.")
    embedding = serializers.ListField(
        child=serializers.FloatField(),
        required=False,
        min_length=DIMENSIONS,
        max_length=DIMENSIONS,
        help_text="With `include=embedding`: L2-normalised, in half precision.",
    )


class ChunkPageSerializer(serializers.Serializer[Any]):
    """A page of passages."""

    example: ClassVar[dict[str, Any]] = {"results": [ChunkSerializer.example], "next": None}

    results = ChunkSerializer(many=True, max_length=NewestFirst.max_limit)  # type: ignore[call-arg] # the list's
    next = serializers.CharField(
        max_length=2200, allow_null=True, help_text="Pass it as `cursor` for the next page; null on the last."
    )


class EmbeddingField(serializers.ListField):
    """An embedding of 384 finite numbers, not all of them 0: as an array, L2-normalised."""

    child = serializers.FloatField()

    def to_internal_value(self, data: Any) -> npt.NDArray[np.float32]:  # type: ignore[override] # no list is made
        """Of shape (384,)."""
        if not isinstance(data, list) or not set(map(type, data)) <= NUMBERS:
            raise serializers.ValidationError("This must be a list of numbers.", "invalid")
        if len(data) != DIMENSIONS:
            raise serializers.ValidationError(f"This must have {DIMENSIONS} numbers, not {len(data)}.", "length")
        try:
            vector = np.array(data, np.float64)
        except OverflowError:
            vector = np.full(DIMENSIONS, np.inf)
        if not np.isfinite(vector).all():
            raise serializers.ValidationError("A number is out of range.", "not_finite")
        largest = np.abs(vector).max()
        if largest == 0:
            raise serializers.ValidationError("All numbers are 0.", "zero")
        # First by the largest, for squares can be out of range.
        vector /= largest
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class PassageSerializer(StrictSerializer):
    """A passage of a client's own."""

    char_start = serializers.IntegerField(min_value=0, max_value=MAX_CONTENT)
    char_end = serializers.IntegerField(
        min_value=1, max_value=MAX_CONTENT, help_text=f"Behind `char_start`, by at most {MAX_PASSAGE} characters."
    )
    content = serializers.CharField(
        max_length=MAX_PASSAGE,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="If it is given, it must be the document's content there.",
    )
    heading = serializers.CharField(max_length=MAX_HEADING, required=False, allow_blank=True, trim_whitespace=False)
    page = serializers.IntegerField(min_value=1, max_value=MAX_SIZE, required=False, allow_null=True)
    embedding = EmbeddingField(
        min_length=DIMENSIONS, max_length=DIMENSIONS, help_text="Finite numbers, not all of them 0; it is normalised."
    )

    class Meta:
        list_serializer_class = BoundedListSerializer

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """There is something between start and end, and not too much."""
        length = attrs["char_end"] - attrs["char_start"]
        if not 1 <= length <= MAX_PASSAGE:
            told = f"A passage has 1 to {MAX_PASSAGE} characters, not {length}."
            raise serializers.ValidationError({"char_end": [told]}, "invalid")
        return attrs


class PassagesSerializer(StrictSerializer):
    """Passages of a client's own, and what embedded them."""

    example: ClassVar[dict[str, Any]] = {
        "model": "all-MiniLM-L6-v2",
        "chunks": [{"char_start": 0, "char_end": 37, "embedding": [0.0510310363079829] * DIMENSIONS}],
    }

    model = serializers.CharField(max_length=MAX_MODEL, required=False)
    chunks = PassageSerializer(many=True, allow_empty=False, max_length=MAX_PASSAGES)  # type: ignore[call-arg] # the list's
