"""Shapes of searches and of what they find."""

from typing import Any, ClassVar

from rest_framework import serializers

from knowledge.fusion import Mode
from knowledge.languages import CONFIGURATIONS
from knowledge.models import MAX_CONTENT, MAX_TAG, MAX_TAGS, MAX_URI
from knowledge.serializers import CHUNK, DOCUMENT, MAX_HEADING
from resources.serializers import CountedListField, IdField, InstantField, MetadataField
from web.serializers import StrictSerializer

MAX_QUERY = 2_000
# More passages than anybody has.
MAX_RANK = 2**31 - 1
MAX_HITS = 100
MAX_CONTEXT = 3
MAX_SEARCHES = 10
MAX_DOCUMENTS = 100


class TagField(serializers.CharField):
    """A tag; no number will do for one."""

    def to_internal_value(self, data: Any) -> str:
        """The tag."""
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a string.", "invalid")
        return super().to_internal_value(data)


class FiltersSerializer(StrictSerializer):
    """Which documents are searched: those to which all of this applies."""

    document_ids = CountedListField(child=IdField(), min_length=1, max_length=MAX_DOCUMENTS, required=False)
    tags = CountedListField(
        child=TagField(max_length=MAX_TAG),
        min_length=1,
        max_length=MAX_TAGS,
        required=False,
        help_text="All of them are among the document's.",
    )
    metadata = MetadataField(required=False, help_text="Contained in the document's, as `@>` of PostgreSQL has it.")
    language = serializers.ChoiceField(choices=list(CONFIGURATIONS), required=False)
    source_uri = serializers.CharField(max_length=MAX_URI, required=False)
    created_after = InstantField(required=False)
    created_before = InstantField(required=False)
    updated_after = InstantField(required=False)
    updated_before = InstantField(required=False)


class RankingOptionsSerializer(StrictSerializer):
    """What counts as a hit."""

    score_threshold = serializers.FloatField(min_value=-1, max_value=1, default=-1.0)


class SearchSerializer(StrictSerializer):
    """A question to one's own documents."""

    example: ClassVar[dict[str, Any]] = {
        "query": "Where does the elephant sleep?",
        "mode": "hybrid",
        "filters": {"tags": ["animals"], "created_after": "2026-01-01T00:00:00Z"},
        "max_num_results": 5,
        "ranking_options": {"score_threshold": 0.25},
        "context": 1,
        "group_by": "document",
    }

    query = serializers.CharField(max_length=MAX_QUERY)
    mode = serializers.ChoiceField(
        choices=[mode.value for mode in Mode],
        default=Mode.HYBRID.value,
        help_text="By what passages are found: their meaning, their words, or both.",
    )
    filters = FiltersSerializer(required=False)
    max_num_results = serializers.IntegerField(min_value=1, max_value=MAX_HITS, default=10)
    ranking_options = RankingOptionsSerializer(required=False)
    context = serializers.IntegerField(  # type: ignore[assignment] # a field, which DRF takes out of the class
        min_value=0, max_value=MAX_CONTEXT, default=0, help_text="How many passages before and after each hit to add."
    )
    group_by = serializers.ChoiceField(
        choices=["document"], allow_null=True, default=None, help_text="Give the best passage of each document only."
    )


class BatchSerializer(StrictSerializer):
    """Several searches at once."""

    example: ClassVar[dict[str, Any]] = {
        "searches": [{"query": "Where does the elephant sleep?"}, {"query": "elephant", "mode": "keyword"}]
    }

    searches = CountedListField(child=SearchSerializer(), min_length=1, max_length=MAX_SEARCHES)


class SpanSerializer(serializers.Serializer[Any]):
    """A part of the document's content."""

    char_start = serializers.IntegerField(min_value=0, max_value=MAX_CONTENT)
    char_end = serializers.IntegerField(min_value=0, max_value=MAX_CONTENT)


class PassageSerializer(SpanSerializer):
    """A passage: `content` is the document's content from `char_start` to `char_end`."""

    chunk_id = serializers.UUIDField()
    content = serializers.CharField(max_length=MAX_CONTENT)
    heading = serializers.CharField(max_length=MAX_HEADING, help_text="The headings that it stands below.")
    page = serializers.IntegerField(min_value=1, max_value=MAX_CONTENT, allow_null=True)


class RanksSerializer(serializers.Serializer[Any]):
    """The place among those nearest in meaning, and among those that hold the words; null if not among the best."""

    semantic = serializers.IntegerField(min_value=1, max_value=MAX_RANK, allow_null=True)
    keyword = serializers.IntegerField(min_value=1, max_value=MAX_RANK, allow_null=True)


class ScoresSerializer(serializers.Serializer[Any]):
    """The similarity in meaning, a cosine; and BM25 as a share of what it could reach. Null if it wasn't asked for."""

    semantic = serializers.FloatField(min_value=-1.01, max_value=1.01, allow_null=True)
    keyword = serializers.FloatField(min_value=0, max_value=1, allow_null=True)


class ContextSerializer(serializers.Serializer[Any]):
    """The passages beside a hit, in the document's order."""

    before = serializers.ListField(child=PassageSerializer(), max_length=MAX_CONTEXT)
    after = serializers.ListField(child=PassageSerializer(), max_length=MAX_CONTEXT)


class HitSerializer(PassageSerializer):
    """A passage that was found. `score` is what the mode ranks by; in a hybrid search the mean of both scores."""

    example: ClassVar[dict[str, Any]] = {
        "document_id": DOCUMENT,
        "chunk_id": CHUNK,
        "title": "Zoo",
        "score": 0.64,
        "content": "The elephant sleeps in the blue tent.",
        "char_start": 0,
        "char_end": 37,
        "heading": "",
        "page": None,
        "highlights": [{"char_start": 4, "char_end": 12}, {"char_start": 13, "char_end": 19}],
        "ranks": {"semantic": 1, "keyword": 1},
        "scores": {"semantic": 0.71, "keyword": 0.57},
        "context": {"before": [], "after": []},
    }

    document_id = serializers.UUIDField()
    title = serializers.CharField(max_length=255)
    score = serializers.FloatField(min_value=-1.01, max_value=1.01)
    highlights = serializers.ListField(
        child=SpanSerializer(), max_length=MAX_CONTENT, help_text="The words of the query, in any of their forms."
    )
    ranks = RanksSerializer()
    scores = ScoresSerializer()
    context = ContextSerializer()  # type: ignore[assignment]


class HitsSerializer(serializers.Serializer[Any]):
    """Hits, best first."""

    example: ClassVar[dict[str, Any]] = {"results": [HitSerializer.example], "mode": "hybrid", "degraded": False}

    results = serializers.ListField(child=HitSerializer(), max_length=MAX_HITS)
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode], help_text="What was done.")
    degraded = serializers.BooleanField(
        help_text="A hybrid search found by words alone, since the query couldn't be embedded."
    )


class BatchHitsSerializer(serializers.Serializer[Any]):
    """An answer for each search, in their order."""

    example: ClassVar[dict[str, Any]] = {"results": [HitsSerializer.example]}

    results = serializers.ListField(child=HitsSerializer(), max_length=MAX_SEARCHES)
