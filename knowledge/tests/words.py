"""The keyword index as it would be if it were built now, and as it is."""

from typing import Any

from django.db import connection

from accounts.models import User
from knowledge.models import KnowledgeDoc, VectorChunk

Postings = set[tuple[Any, ...]]

EXPECTED = """
    WITH passage AS (
        SELECT owner_id, language, number,
               to_tsvector(knowledge_configuration(language), title || ' ' || heading || ' ' || content) AS words
        FROM knowledge_vectorchunk
    )
    SELECT owner_id, language, word.lexeme, number,
           (SELECT sum(cardinality(each.positions)) FROM unnest(words) AS each), cardinality(word.positions)
    FROM passage, unnest(words) AS word
"""
ACTUAL = """
    SELECT owner_id, language, lexeme, entry >> 24, (entry >> 8) & 65535, entry & 255
    FROM knowledge_posting, unnest(entries) AS entry
"""
BROKEN = """
    SELECT * FROM knowledge_posting
    WHERE cardinality(entries) NOT BETWEEN 1 AND 128
        OR first <> (SELECT min(entry >> 24) FROM unnest(entries) AS entry)
        OR last <> (SELECT max(entry >> 24) FROM unnest(entries) AS entry)
"""
EXPECTED_CORPUS = """
    SELECT owner_id, language, count(*), sum(coalesce((
        SELECT sum(cardinality(word.positions))
        FROM unnest(to_tsvector(knowledge_configuration(language), title || ' ' || heading || ' ' || content)) AS word
    ), 0))
    FROM knowledge_vectorchunk GROUP BY owner_id, language
"""
ACTUAL_CORPUS = "SELECT owner_id, language, chunk_count, lexeme_count FROM knowledge_corpus"


def rows(sql: str) -> list[tuple[Any, ...]]:
    """What a SELECT of constants gives."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def assert_index_is_right() -> None:
    """No posting is missing, none is left over, none is there twice, and the blocks are what they have to be."""
    actual = rows(ACTUAL)
    assert len(actual) == len(set(actual))
    assert set(actual) == set(rows(EXPECTED))
    assert set(rows(ACTUAL_CORPUS)) == set(rows(EXPECTED_CORPUS))
    assert rows(BROKEN) == []


def document_of(owner: User, name: str) -> KnowledgeDoc:
    """A document without passages."""
    return KnowledgeDoc.objects.create(owner=owner, title=name, content=f"This is {name}.", status="completed")


def passages_of(document: KnowledgeDoc, contents: list[str], *, start: int = 0, **columns: Any) -> list[VectorChunk]:
    """Passages by one INSERT, without vectors."""
    common = {"char_start": 0, "char_end": 1, "token_count": 1, "model": "none", "title": document.title, **columns}
    return VectorChunk.objects.bulk_create(
        VectorChunk(document=document, owner_id=document.owner_id, ordinal=ordinal, content=content, **common)
        for ordinal, content in enumerate(contents, start)
    )
