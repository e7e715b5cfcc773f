"""What the database sees to by itself in knowledge."""

from audit.rules import Triggers


class Hashed(Triggers):
    """`content_hash` follows what was put in, whichever way that was written."""

    ddl = {
        "": "BEFORE INSERT OR UPDATE OF content, content_hash, file_hash ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION knowledge_hash()"
    }


class Restarted(Triggers):
    """What changes what is to be found of a document has it indexed anew: status, revision, no error any more.

    Its name puts it behind the hash, and before the version. Whoever writes enqueues the job; a trashed document's
    indexing is cancelled, and begins anew when it is restored.
    """

    ddl = {
        "": "BEFORE UPDATE OF title, language, content, chunk_tokens, chunk_overlap, own_chunks, trashed_at ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION knowledge_restart()"
    }


class Cooled(Triggers):
    """What goes to the trash leaves the approximate index, in which it would stand in the way of what is live."""

    ddl = {
        "": "AFTER UPDATE OF trashed_at ON {table} FOR EACH ROW "
        "WHEN (NEW.trashed_at IS NOT NULL AND OLD.trashed_at IS NULL) EXECUTE FUNCTION knowledge_cool()"
    }


class Discarding(Triggers):
    """The file of a document that is deleted, or gets another one, is discarded: whoever does it, cascades included."""

    ddl = {
        "_delete": "AFTER DELETE ON {table} FOR EACH ROW WHEN (OLD.file_key IS NOT NULL) "
        "EXECUTE FUNCTION knowledge_discard()",
        "_update": "AFTER UPDATE OF file_key ON {table} FOR EACH ROW "
        "WHEN (OLD.file_key IS NOT NULL AND OLD.file_key IS DISTINCT FROM NEW.file_key) "
        "EXECUTE FUNCTION knowledge_discard()",
    }


class Worded(Triggers):
    """The keyword index follows the passages, whichever way they are written, cascades included."""

    ddl = {
        "_insert": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows "
        "FOR EACH STATEMENT EXECUTE FUNCTION knowledge_index_words()",
        "_update": "AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows "
        "FOR EACH STATEMENT EXECUTE FUNCTION knowledge_index_words()",
        "_delete": "AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows "
        "FOR EACH STATEMENT EXECUTE FUNCTION knowledge_index_words()",
    }
