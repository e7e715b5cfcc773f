"""The words of a query and the passages that hold any of them, ranked by BM25 with the owner's own statistics.

Method: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the idf of Lucene,
which is never negative. See ADR 0026.
"""

from typing import Final

# How soon one more occurrence of a word counts for little, and how far long passages are held to be just wordier.
SATURATION: Final = 1.2
LENGTH: Final = 0.75
# Entries of the index that one query reads, the rarest words' first. What is left out has hardly any weight.
MOST_ENTRIES: Final = 50_000

# `OFFSET 0` leaves the planner no other way than to look up each word by the index: it can't know how few they are, nor
# that reading all of the owner's is worse.
#
# A score is the share of what could be reached, 0 to 1: by a passage in which each word of the query stands endlessly
# often. Words that stand in no passage of the owner's count for nothing.
SCORED: Final = f"""total AS MATERIALIZED (
        SELECT sum(chunk_count)::float8 AS chunks, sum(lexeme_count)::float8 / sum(chunk_count)::float8 AS mean
        FROM knowledge_corpus WHERE owner_id = %(owner)s
    ), asked AS MATERIALIZED (
        SELECT corpus.language, word.lexeme, cardinality(word.positions) AS times, (
            SELECT sum(cardinality(posting.entries)) FROM knowledge_posting AS posting
            WHERE posting.owner_id = %(owner)s AND posting.language = corpus.language
                AND posting.lexeme = word.lexeme COLLATE "C"
        )::float8 AS size
        FROM knowledge_corpus AS corpus, unnest(to_tsvector(knowledge_configuration(corpus.language), %(text)s)) AS word
        WHERE corpus.owner_id = %(owner)s
    ), word AS MATERIALIZED (
        SELECT *, sum(weight) OVER () AS reachable, sum(size) OVER rarest AS entries, row_number() OVER rarest AS place
        FROM (SELECT *, times * ln(1 + (chunks - size + 0.5) / (size + 0.5)) AS weight FROM asked, total) AS weighed
        WHERE size > 0
        WINDOW rarest AS (ORDER BY size, language, lexeme)
    ), entry AS (
        SELECT word.weight / word.reachable AS weight, word.mean, posting.packed
        FROM word, LATERAL (
            SELECT unnest(entries) AS packed FROM knowledge_posting
            WHERE owner_id = %(owner)s AND language = word.language AND lexeme = word.lexeme COLLATE "C"
            OFFSET 0
        ) AS posting
        WHERE word.entries <= {MOST_ENTRIES} OR word.place = 1
    ), scored AS MATERIALIZED (
        SELECT packed >> 24 AS number, sum(
            weight * (packed & 255)
            / ((packed & 255) + {SATURATION} * ({1 - LENGTH} + {LENGTH} * (packed >> 8 & 65535) / mean))
        ) AS score
        FROM entry GROUP BY packed >> 24
    )"""

# The best of them. What is in the trash or doesn't match goes before the cut, so that it takes nobody's place. They are
# looked up one by one from the best on, and no further than needed.
KEYWORD: Final = """keyword AS MATERIALIZED (
        SELECT chunk.id AS chunk_id, chunk.document_id, best.number, best.score,
               row_number() OVER (ORDER BY best.score DESC, best.number) AS rank
        FROM (SELECT number, score FROM scored ORDER BY score DESC, number) AS best, LATERAL (
            SELECT id, document_id FROM knowledge_vectorchunk
            WHERE owner_id = %(owner)s AND number = best.number AND {condition}
            OFFSET 0
        ) AS chunk
        ORDER BY best.score DESC, best.number
        LIMIT %(depth)s
    )"""
