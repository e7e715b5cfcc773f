"""Documents, the passages they are split into, and what finds the passages again."""

from knowledge.models.documents import MAX_CONTENT, MAX_TAG, MAX_TAGS, MAX_URI, IndexingRun, KnowledgeDoc
from knowledge.models.files import DiscardedFile
from knowledge.models.passages import ChunkVector, VectorChunk
from knowledge.models.providers import ProviderKey
from knowledge.models.words import Corpus, Posting
from resources.metadata import PreservedJSONField, validate_metadata

__all__ = [
    "MAX_CONTENT",
    "MAX_TAG",
    "MAX_TAGS",
    "MAX_URI",
    "ChunkVector",
    "Corpus",
    "DiscardedFile",
    "IndexingRun",
    "KnowledgeDoc",
    "Posting",
    # What the first migration knows them by.
    "PreservedJSONField",
    "ProviderKey",
    "VectorChunk",
    "validate_metadata",
]
