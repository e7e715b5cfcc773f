"""Documents and their passages as rows: what clients get of them, and what their lists can be asked for."""

from knowledge.languages import CONFIGURATIONS
from knowledge.models import MAX_TAG, MAX_URI, KnowledgeDoc, VectorChunk
from resources.lists import Filter, Listing, Sort, compared, contained, either
from resources.rows import LIVE, Guard, NaturalKey, Rows, instant
from web.kinds import BOOLEAN, INSTANT, Kind, choice, text

MAX_SEARCH = 200
HASH = "^[0-9a-f]{64}$"

PROGRESS = """
CASE WHEN status = 'in_progress' THEN (
    SELECT json_build_object('chunks_done', run.chunks_done, 'chunks_total', run.chunks_total)
    FROM knowledge_indexingrun AS run
    WHERE run.owner_id = knowledge_knowledgedoc.owner_id AND run.document_id = knowledge_knowledgedoc.id
) END
"""
FILE = (
    "CASE WHEN file_key IS NOT NULL THEN json_build_object('name', file_name, 'type', file_type, 'size', file_size) END"
)
CHUNKING = (
    "json_build_object('max_tokens', chunk_tokens, 'overlap', chunk_overlap, "
    "'by', CASE WHEN own_chunks THEN 'client' ELSE 'server' END)"
)

DOCUMENTS = Rows(
    KnowledgeDoc,
    {
        "id": "id",
        "title": "title",
        "content": "content",
        "content_hash": "content_hash",
        "metadata": "metadata",
        "source_uri": "source_uri",
        "language": "language",
        "tags": "tags",
        "file": FILE,
        "status": "status",
        "last_error": "last_error",
        "progress": PROGRESS,
        "chunk_count": "chunk_count",
        "chunking": CHUNKING,
        "created_at": instant("created_at"),
        "updated_at": instant("updated_at"),
        "trashed_at": instant("trashed_at"),
        "version": "version",
    },
    unlisted=["content"],
    key=NaturalKey(
        columns=("content",),
        target="owner_id, content_hash",
        condition=f"content_hash = encode(sha256(convert_to(%s, 'UTF8')), 'hex') AND {LIVE}",
        message="There is a document with this content.",
        code="content_exists",
        among=LIVE,
    ),
    guards={
        "revision": Guard("NOT own_chunks", "Its owner stored the passages of this document.", "own_chunks"),
        "content": Guard("file_key IS NULL", "The content is that of the document's file.", "content_from_file"),
    },
    # The length of what is to be indexed.
    left="CASE WHEN new.status = 'in_progress' AND new.revision IS DISTINCT FROM old.revision "
    "THEN length(new.content) END",
)


def _hash(given: str) -> str:
    if len(given) != 64 or not set(given) <= set("0123456789abcdef"):
        raise ValueError("A SHA-256 in hexadecimal: 64 digits, in lower case.")
    return given


STATUS = choice({status: status for status in KnowledgeDoc.Status.values})
LANGUAGE = choice({code: code for code in CONFIGURATIONS})

DOCUMENT_LIST = Listing(
    rows=DOCUMENTS,
    filters={
        "status": Filter(STATUS, compared("status = %s")),
        "tag": Filter(text(MAX_TAG), compared("%s = ANY (tags)"), "Only what has this tag."),
        "language": Filter(LANGUAGE, compared("language = %s")),
        "source_uri": Filter(text(MAX_URI), compared("source_uri = %s")),
        "content_hash": Filter(
            Kind(_hash, {"type": "string", "pattern": HASH, "maxLength": 64}), compared("content_hash = %s")
        ),
        "search": Filter(text(MAX_SEARCH), contained("title"), "All of these words, in the title, in any case."),
        "created_after": Filter(INSTANT, compared("created_at > %s")),
        "created_before": Filter(INSTANT, compared("created_at < %s")),
        "updated_after": Filter(INSTANT, compared("updated_at > %s")),
        "updated_before": Filter(INSTANT, compared("updated_at < %s")),
        "trashed": Filter(BOOLEAN, either("trashed_at IS NOT NULL", LIVE), "What is in the trash."),
    },
    sorts={
        "created_at": Sort("created_at", instant("created_at"), INSTANT),
        "updated_at": Sort("updated_at", instant("updated_at"), INSTANT),
        "title": Sort("title", "title", text(255)),
    },
    default_sort="-created_at",
    always={"trashed": LIVE},
)

EMBEDDING = """
(
    SELECT vector.embedding::text::json FROM knowledge_chunkvector AS vector
    WHERE vector.owner_id = knowledge_vectorchunk.owner_id AND vector.chunk_id = knowledge_vectorchunk.id
)
"""

CHUNKS = Rows(
    VectorChunk,
    {
        "id": "id",
        "document_id": "document_id",
        "ordinal": "ordinal",
        "content": "content",
        "char_start": "char_start",
        "char_end": "char_end",
        "heading": "heading",
        "page": "page",
        "token_count": "token_count",
        "model": "model",
        "embedding": EMBEDDING,
    },
    unlisted=["embedding"],
    key=NaturalKey(("id",), "id", "id = %s", "There is a passage of this id.", "chunk_exists"),
)

CHUNK_LIST = Listing(
    rows=CHUNKS,
    filters={},
    sorts={"ordinal": Sort("ordinal", "ordinal::text", Kind(int), unique=True)},
    default_sort="ordinal",
    always={},
)
