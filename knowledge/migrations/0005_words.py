"""The keyword index: postings of each owner's words, kept by triggers on the passages."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ownership
import knowledge.rules

# How the words of a language are reduced to lexemes.
WORDS = """
CREATE FUNCTION knowledge_configuration(language text) RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
    CASE language
        WHEN 'ar' THEN 'pg_catalog.arabic'::regconfig
        WHEN 'hy' THEN 'pg_catalog.armenian'::regconfig
        WHEN 'eu' THEN 'pg_catalog.basque'::regconfig
        WHEN 'ca' THEN 'pg_catalog.catalan'::regconfig
        WHEN 'da' THEN 'pg_catalog.danish'::regconfig
        WHEN 'nl' THEN 'pg_catalog.dutch'::regconfig
        WHEN 'en' THEN 'pg_catalog.english'::regconfig
        WHEN 'et' THEN 'pg_catalog.estonian'::regconfig
        WHEN 'fi' THEN 'pg_catalog.finnish'::regconfig
        WHEN 'fr' THEN 'pg_catalog.french'::regconfig
        WHEN 'de' THEN 'pg_catalog.german'::regconfig
        WHEN 'el' THEN 'pg_catalog.greek'::regconfig
        WHEN 'hi' THEN 'pg_catalog.hindi'::regconfig
        WHEN 'hu' THEN 'pg_catalog.hungarian'::regconfig
        WHEN 'id' THEN 'pg_catalog.indonesian'::regconfig
        WHEN 'ga' THEN 'pg_catalog.irish'::regconfig
        WHEN 'it' THEN 'pg_catalog.italian'::regconfig
        WHEN 'lt' THEN 'pg_catalog.lithuanian'::regconfig
        WHEN 'ne' THEN 'pg_catalog.nepali'::regconfig
        WHEN 'no' THEN 'pg_catalog.norwegian'::regconfig
        WHEN 'pt' THEN 'pg_catalog.portuguese'::regconfig
        WHEN 'ro' THEN 'pg_catalog.romanian'::regconfig
        WHEN 'ru' THEN 'pg_catalog.russian'::regconfig
        WHEN 'sr' THEN 'pg_catalog.serbian'::regconfig
        WHEN 'es' THEN 'pg_catalog.spanish'::regconfig
        WHEN 'sv' THEN 'pg_catalog.swedish'::regconfig
        WHEN 'ta' THEN 'pg_catalog.tamil'::regconfig
        WHEN 'tr' THEN 'pg_catalog.turkish'::regconfig
        WHEN 'yi' THEN 'pg_catalog.yiddish'::regconfig
        ELSE 'pg_catalog.simple'::regconfig
    END;

-- What is longer than a tsvector may be isn't refused here: its words are those that it begins with, less than 2^16.
CREATE FUNCTION knowledge_words(language text, title text, heading text, content text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
    to_tsvector(knowledge_configuration(language), "left"(title || E'\\n' || heading || E'\\n' || content, 100000));
"""

LOCK = """
CREATE FUNCTION knowledge_lock_words(owner uuid) RETURNS void
LANGUAGE sql VOLATILE
RETURN pg_advisory_xact_lock(hashtextextended('knowledge_words', hashtextextended(owner::text, 0)));
"""

COLUMNS = "owner_id, language, number, title, heading, content"

# Passages, and how many lexemes each has.
SIZED = """
    sized AS MATERIALIZED (
        SELECT owner_id, language, number, words,
               (SELECT coalesce(sum(cardinality(word.positions)), 0) FROM unnest(words) AS word)::bigint AS length
        FROM (
            SELECT owner_id, language, number, public.knowledge_words(language, title, heading, content) AS words
            FROM ({rows}) AS passage
            OFFSET 0
        ) AS parsed
    )"""

# To the last block of each lexeme as far as there is room, then to new ones.
ADD = f"""
    WITH {SIZED}, entry AS (
        SELECT owner_id, language, word.lexeme, array_agg(
            (number << 24) | (length << 8) | least(cardinality(word.positions), 255)
        ) AS entries
        FROM sized, unnest(words) AS word
        GROUP BY owner_id, language, word.lexeme
    ), placed AS MATERIALIZED (
        SELECT entry.*, tip.first AS tip, coalesce(128 - tip.size, 0) AS room
        FROM entry LEFT JOIN LATERAL (
            SELECT block.first, cardinality(block.entries) AS size
            FROM public.knowledge_posting AS block
            WHERE block.owner_id = entry.owner_id AND block.language = entry.language
                AND block.lexeme = entry.lexeme COLLATE "C"
            ORDER BY block.first DESC
            LIMIT 1
        ) AS tip ON true
    ), counted AS (
        INSERT INTO public.knowledge_corpus AS corpus (owner_id, language, chunk_count, lexeme_count)
        SELECT owner_id, language, count(*), sum(length) FROM sized GROUP BY owner_id, language
        ON CONFLICT (owner_id, language) DO UPDATE
        SET chunk_count = corpus.chunk_count + excluded.chunk_count,
            lexeme_count = corpus.lexeme_count + excluded.lexeme_count
    ), appended AS (
        UPDATE public.knowledge_posting AS block
        SET entries = block.entries || added.entries,
            first = least(block.first, (SELECT min(number) >> 24 FROM unnest(added.entries) AS number)),
            last = greatest(block.last, (SELECT max(number) >> 24 FROM unnest(added.entries) AS number))
        FROM (SELECT owner_id, language, lexeme, tip, entries[:room] AS entries FROM placed WHERE room > 0) AS added
        WHERE block.owner_id = added.owner_id AND block.language = added.language
            AND block.lexeme = added.lexeme COLLATE "C" AND block.first = added.tip
    )
    INSERT INTO public.knowledge_posting (owner_id, language, lexeme, first, last, entries)
    SELECT owner_id, language, lexeme, (SELECT min(number) >> 24 FROM unnest(part.entries) AS number),
           (SELECT max(number) >> 24 FROM unnest(part.entries) AS number), part.entries
    FROM placed, generate_series(room + 1, cardinality(placed.entries), 128) AS start,
         LATERAL (SELECT placed.entries[start:start + 127] AS entries) AS part"""

REMOVE = f"""
    WITH {SIZED}, gone AS (
        SELECT owner_id, language, word.lexeme, array_agg(number) AS numbers,
               min(number) AS lowest, max(number) AS highest
        FROM sized, unnest(words) AS word
        GROUP BY owner_id, language, word.lexeme
    ), block AS MATERIALIZED (
        SELECT owner_id, language, lexeme, first, rest.entries
        FROM (
            SELECT block.*, gone.numbers
            FROM gone JOIN public.knowledge_posting AS block
            ON block.owner_id = gone.owner_id AND block.language = gone.language
                AND block.lexeme = gone.lexeme COLLATE "C" AND block.first <= gone.highest AND block.last >= gone.lowest
        ) AS reached,
        LATERAL (
            SELECT array_agg(entry) AS entries, count(*) AS size
            FROM unnest(reached.entries) AS entry WHERE entry >> 24 <> ALL (numbers)
        ) AS rest
        WHERE rest.size < cardinality(reached.entries)
    ), counted AS (
        UPDATE public.knowledge_corpus AS corpus
        SET chunk_count = corpus.chunk_count - lost.chunk_count,
            lexeme_count = corpus.lexeme_count - lost.lexeme_count
        FROM (
            SELECT owner_id, language, count(*) AS chunk_count, sum(length) AS lexeme_count
            FROM sized GROUP BY owner_id, language
        ) AS lost
        WHERE corpus.owner_id = lost.owner_id AND corpus.language = lost.language
    ), emptied AS (
        DELETE FROM public.knowledge_posting AS posting USING block
        WHERE block.entries IS NULL AND posting.owner_id = block.owner_id AND posting.language = block.language
            AND posting.lexeme = block.lexeme AND posting.first = block.first
    )
    UPDATE public.knowledge_posting AS posting
    SET entries = block.entries,
        first = (SELECT min(number) >> 24 FROM unnest(block.entries) AS number),
        last = (SELECT max(number) >> 24 FROM unnest(block.entries) AS number)
    FROM block
    WHERE block.entries IS NOT NULL AND posting.owner_id = block.owner_id AND posting.language = block.language
        AND posting.lexeme = block.lexeme AND posting.first = block.first"""

# With the owner's rights, because nobody else may write the index. Hash and merge joins would read everybody's.
FOLLOW = f"""
CREATE FUNCTION knowledge_index_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    owners uuid[];
    owner uuid;
BEGIN
    IF TG_OP = 'INSERT' THEN
        owners := ARRAY(SELECT DISTINCT owner_id FROM new_rows ORDER BY owner_id);
    ELSIF TG_OP = 'DELETE' THEN
        owners := ARRAY(SELECT DISTINCT owner_id FROM old_rows ORDER BY owner_id);
    ELSE
        owners := ARRAY(SELECT owner_id FROM old_rows UNION SELECT owner_id FROM new_rows ORDER BY owner_id);
    END IF;
    -- In the order of the ids: of two who need the same the second waits, and sees what the first has written.
    FOREACH owner IN ARRAY owners LOOP
        PERFORM public.knowledge_lock_words(owner);
    END LOOP;
    IF TG_OP = 'INSERT' THEN
        {ADD.format(rows=f"SELECT {COLUMNS} FROM new_rows")};
    ELSIF TG_OP = 'UPDATE' THEN
        {REMOVE.format(rows=f"SELECT {COLUMNS} FROM old_rows EXCEPT ALL SELECT {COLUMNS} FROM new_rows")};
        {ADD.format(rows=f"SELECT {COLUMNS} FROM new_rows EXCEPT ALL SELECT {COLUMNS} FROM old_rows")};
    ELSE
        -- Of whom nothing is left, nothing has to be looked for.
        owners := ARRAY(
            SELECT left_alone FROM unnest(owners) AS left_alone
            WHERE NOT EXISTS (SELECT FROM public.knowledge_vectorchunk WHERE owner_id = left_alone)
        );
        DELETE FROM public.knowledge_posting WHERE owner_id = ANY (owners);
        DELETE FROM public.knowledge_corpus WHERE owner_id = ANY (owners);
        {REMOVE.format(rows=f"SELECT {COLUMNS} FROM old_rows WHERE owner_id <> ALL (owners)")};
    END IF;
    DELETE FROM public.knowledge_corpus WHERE owner_id = ANY (owners) AND chunk_count = 0;
    RETURN NULL;
END $$;
"""

FUNCTIONS = (
    "knowledge_index_words(), knowledge_lock_words(uuid), knowledge_words(text, text, text, text), "
    "knowledge_configuration(text)"
)

# What was there before the triggers.
EXISTING = ADD.replace("public.", "").format(rows=f"SELECT {COLUMNS} FROM knowledge_vectorchunk")


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0004_documents"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL([WORDS, LOCK, FOLLOW], f"DROP FUNCTION {FUNCTIONS}"),
        migrations.CreateModel(
            name="Corpus",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner_id", "language", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("language", models.CharField(max_length=3)),
                ("chunk_count", models.BigIntegerField()),
                ("lexeme_count", models.BigIntegerField()),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name_plural": "corpora"},
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "owner_id",
                        "language",
                        "lexeme",
                        "first",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("language", models.CharField(max_length=3)),
                ("lexeme", models.TextField(db_collation="C")),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("entries", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.RunSQL(EXISTING, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="vectorchunk",
            constraint=knowledge.rules.Worded(name="knowledge_vectorchunk_worded"),
        ),
        migrations.AddConstraint(
            model_name="corpus",
            constraint=accounts.ownership.Isolated(
                grants=("SELECT",), name="knowledge_corpus_isolated", owner="owner_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=accounts.ownership.Isolated(
                grants=("SELECT",), name="knowledge_posting_isolated", owner="owner_id"
            ),
        ),
    ]
