"""A document whose form changes waits for the index; one that goes to the trash does so no longer."""

from django.db import migrations

import knowledge.rules

FUNCTION = """
CREATE FUNCTION knowledge_restart() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    -- A file's content is what was extracted from it: written by who indexes it.
    rewritten boolean := NEW.file_key IS NULL AND NEW.content_hash <> OLD.content_hash;
BEGIN
    NEW.own_chunks := NEW.own_chunks AND NOT rewritten;
    IF rewritten
        OR OLD.own_chunks AND NOT NEW.own_chunks
        OR (NEW.title, NEW.language) <> (OLD.title, OLD.language)
        OR (NEW.chunk_tokens, NEW.chunk_overlap) <> (OLD.chunk_tokens, OLD.chunk_overlap) AND NOT NEW.own_chunks
        OR OLD.trashed_at IS NOT NULL AND NEW.trashed_at IS NULL AND OLD.status = 'cancelled'
    THEN
        NEW.status := 'in_progress';
        NEW.last_error := NULL;
        NEW.revision := OLD.revision + 1;
    END IF;
    IF NEW.trashed_at IS NOT NULL AND NEW.status = 'in_progress' THEN
        NEW.status := 'cancelled';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0008_files")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION knowledge_restart()"),
        migrations.AddConstraint(
            model_name="knowledgedoc",
            constraint=knowledge.rules.Restarted(name="knowledge_knowledgedoc_restarted"),
        ),
    ]
