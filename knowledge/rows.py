"""Documents as rows: what lists give of them."""

from knowledge.models import KnowledgeDoc
from resources.rows import NaturalKey, Rows, instant

# As `DocumentListSerializer` has it: without the content.
DOCUMENTS = Rows(
    KnowledgeDoc,
    {
        "id": "id",
        "title": "title",
        "metadata": "metadata",
        "status": "status",
        "last_error": "last_error",
        "chunk_count": "chunk_count",
        "created_at": instant("created_at"),
        "updated_at": instant("updated_at"),
    },
    key=NaturalKey(("id",), "id", "id = %s", "There is a document of this id.", "document_exists"),
)
