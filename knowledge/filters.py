"""Which documents a search is among."""

from collections.abc import Mapping
from typing import Any, Final

from resources.metadata import written

CONDITIONS: Final = {
    "document_ids": "id = ANY (%(document_ids)s::uuid[])",
    "tags": "tags @> %(tags)s::varchar[]",
    "metadata": "metadata::jsonb @> %(metadata)s::jsonb",
    "language": "language = %(language)s",
    "source_uri": "source_uri = %(source_uri)s",
    "created_after": "created_at > %(created_after)s",
    "created_before": "created_at < %(created_before)s",
    "updated_after": "updated_at > %(updated_after)s",
    "updated_before": "updated_at < %(updated_before)s",
}

# What isn't filtered is among all but what lies in the trash, of which there is less.
EXCLUDED: Final = """excluded AS MATERIALIZED (
        SELECT id FROM knowledge_knowledgedoc WHERE owner_id = %(owner)s AND trashed_at IS NOT NULL
    )"""
ALLOWED: Final = """allowed AS MATERIALIZED (
        SELECT id FROM knowledge_knowledgedoc WHERE owner_id = %(owner)s AND trashed_at IS NULL AND {conditions}
    )"""
IS_LIVE: Final = "document_id NOT IN (SELECT id FROM excluded)"
IS_ALLOWED: Final = "document_id IN (SELECT id FROM allowed)"


def documents(filters: Mapping[str, Any]) -> tuple[str, str]:
    """The CTE of the documents that a search leaves out, or of those it is confined to, and a passage's condition.

    Named parameters: owner, and those of `parameters`.
    """
    if not filters:
        return EXCLUDED, IS_LIVE
    return ALLOWED.format(conditions=" AND ".join(CONDITIONS[name] for name in filters)), IS_ALLOWED


def parameters(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters' values as the statement takes them."""
    return {name: written(value) if name == "metadata" else value for name, value in filters.items()}
