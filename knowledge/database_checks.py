"""System checks of the live database: the indexes by which searches are fast are there, and whole.

They run with `manage.py check --database default` and before `migrate`. Without them searches are right, and slow.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

from knowledge.models import ChunkVector

# None of them is looked for before the first migration has made the table.
MISSING = """
    SELECT name FROM unnest(%s::text[]) AS name
    WHERE to_regclass(%s) IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_index WHERE indexrelid = to_regclass(quote_ident(name)) AND indisvalid
    )
"""


@register(Tags.database)
def check_indexes(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Each index that vectors are searched by."""
    names = [index.name for index in ChunkVector._meta.indexes]
    hint = "REINDEX INDEX CONCURRENTLY …, or make it again as the migration does that brought it."
    warnings: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute(MISSING, [names, ChunkVector._meta.db_table])
            warnings += [
                CheckWarning("An index isn't there, or isn't valid.", hint=hint, obj=name, id="knowledge.W003")
                for (name,) in cursor.fetchall()
            ]
    return warnings
