"""An approximate index over the vectors of large owners, in which each owner's lie apart."""

import pgvector.django.halfvec
import pgvector.django.indexes
from django.contrib.postgres.indexes import OpClass
from django.db import migrations, models
from django.db.models.expressions import CombinedExpression
from django.db.models.functions.comparison import Cast

import knowledge.models.passages

# BEGIN ATOMIC, since an index is built under a search_path in which a body of text wouldn't find the types.
# Of a hash, since ids that were made at the same time begin alike.
OWNER_CODE = """
CREATE FUNCTION knowledge_owner_code(owner uuid) RETURNS halfvec
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg((0.2 * get_bit(sha256(uuid_send(owner)), place) - 0.1)::real ORDER BY place)::halfvec(32)
    FROM generate_series(0, 31) AS place;
END
"""


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0005_words"),
    ]

    operations = [
        migrations.RunSQL(OWNER_CODE, "DROP FUNCTION knowledge_owner_code(uuid)"),
        migrations.AddIndex(
            model_name="chunkvector",
            index=models.Index(
                condition=models.Q(("hot", False)), fields=["owner", "chunk"], name="knowledge_chunkvector_tail"
            ),
        ),
        migrations.AddIndex(
            model_name="chunkvector",
            index=pgvector.django.indexes.HnswIndex(
                OpClass(
                    Cast(
                        CombinedExpression(
                            models.F("embedding"), "||", knowledge.models.passages.OwnerCode("owner_id")
                        ),
                        pgvector.django.halfvec.HalfVectorField(dimensions=416),
                    ),
                    name="halfvec_l2_ops",
                ),
                condition=models.Q(("hot", True)),
                ef_construction=128,
                m=24,
                name="knowledge_chunkvector_hot",
            ),
        ),
    ]
