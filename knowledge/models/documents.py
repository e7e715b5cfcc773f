"""Documents, and how far the indexing of each has come."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from accounts.ownership import Isolated, OwnedReference
from audit.triggers import Audited
from knowledge.chunking import DEFAULT_OVERLAP, MAX_TOKENS, MIN_TOKENS
from knowledge.languages import CONFIGURATIONS, DEFAULT
from knowledge.models.files import begins_with_owner
from knowledge.rules import Cooled, Discarding, Hashed, Restarted
from resources.metadata import PreservedJSONField, metadata_constraints, validate_metadata
from resources.models import Titled, Trashable
from resources.tracking import Tracked

MAX_CONTENT = 1_000_000
MAX_URI = 2_000
MAX_TAGS = 50
MAX_TAG = 60
FILE = ("file_key", "file_name", "file_type", "file_size", "file_hash")


class KnowledgeDoc(Titled, Trashable):
    """A document. It can be searched once it is indexed, and in its old form until the new one is.

    content: the text; of a file what was extracted from it, empty until then.
    content_hash: SHA-256 of what was put in, in hexadecimal: the file's bytes, or the content in UTF-8. Set by the
    database. What isn't in the trash has each content once.
    file_…: of the original file: its key in the storage, its name, media type, size in bytes, and SHA-256.
    page_starts: where in the content each page begins, for a file that has pages.
    own_chunks: its owner stored the passages; no others are made.
    chunk_tokens, chunk_overlap: how long a passage may be, and how much of it the next one repeats, in word pieces.
    revision: one more whenever there is something new to be indexed.
    """

    class Status(models.TextChoices):
        """Where indexing stands. It is cancelled for what went to the trash before it was done."""

        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    content = models.TextField(blank=True, default="", db_default="")
    content_hash = models.CharField(max_length=64, editable=False, db_default="")
    metadata = PreservedJSONField(default=dict, db_default={}, blank=True, validators=[validate_metadata])
    source_uri = models.CharField(max_length=MAX_URI, null=True, blank=True)  # noqa: DJ001 - no source is no text
    language = models.CharField(
        max_length=3, choices=[(code, code) for code in CONFIGURATIONS], default=DEFAULT, db_default=DEFAULT
    )
    tags = ArrayField(models.CharField(max_length=MAX_TAG), default=list, db_default=[], blank=True)
    file_key = models.CharField(max_length=255, null=True, editable=False)  # noqa: DJ001
    file_name = models.CharField(max_length=255, null=True, editable=False)  # noqa: DJ001
    file_type = models.CharField(max_length=100, null=True, editable=False)  # noqa: DJ001
    file_size = models.PositiveIntegerField(null=True, editable=False)
    file_hash = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001
    page_starts = ArrayField(models.PositiveIntegerField(), null=True, editable=False)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.IN_PROGRESS, db_default=Status.IN_PROGRESS
    )
    last_error = models.JSONField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1, db_default=1)
    own_chunks = models.BooleanField(default=False, db_default=False)
    chunk_tokens = models.PositiveSmallIntegerField(default=MAX_TOKENS, db_default=MAX_TOKENS)
    chunk_overlap = models.PositiveSmallIntegerField(default=DEFAULT_OVERLAP, db_default=DEFAULT_OVERLAP)
    chunk_count = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = "document"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *Titled.Meta.constraints,
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("content"), MAX_CONTENT),
                name="knowledge_knowledgedoc_content_length",
                violation_error_message=f"A document has at most {MAX_CONTENT} characters.",
            ),
            models.UniqueConstraint(
                fields=["owner", "content_hash"],
                condition=models.Q(trashed_at=None),
                name="knowledge_knowledgedoc_content",
                violation_error_message="There is a document with this content.",
                violation_error_code="content_exists",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    models.Func("tags", function="cardinality", output_field=models.IntegerField()), MAX_TAGS
                ),
                name="knowledge_knowledgedoc_tag_count",
                violation_error_message=f"A document has at most {MAX_TAGS} tags.",
            ),
            models.CheckConstraint(
                condition=models.Q(language__in=list(CONFIGURATIONS)),
                name="knowledge_knowledgedoc_language",
                violation_error_message="There is no such language.",
            ),
            models.CheckConstraint(
                condition=models.Q(**dict.fromkeys(FILE)) | models.Q(**{f"{column}__isnull": False for column in FILE}),
                name="knowledge_knowledgedoc_file",
                violation_error_message="A file has a key, a name, a type, a size and a hash.",
            ),
            models.CheckConstraint(
                condition=models.Q(file_key=None) | models.Q(begins_with_owner("file_key")),
                name="knowledge_knowledgedoc_file_owner",
                violation_error_message="A file belongs to the owner of its document.",
            ),
            models.UniqueConstraint(fields=["file_key"], name="knowledge_knowledgedoc_file_key"),
            Discarding(name="knowledge_knowledgedoc_discarding"),
            models.CheckConstraint(
                condition=models.Q(chunk_tokens__range=(MIN_TOKENS, MAX_TOKENS))
                & models.Q(chunk_tokens__gt=models.F("chunk_overlap") * 2),
                name="knowledge_knowledgedoc_chunking",
                violation_error_message=f"A passage has {MIN_TOKENS} to {MAX_TOKENS} word pieces, and repeats less "
                "than half of them.",
            ),
            *metadata_constraints("knowledge_knowledgedoc"),
            Cooled(name="knowledge_knowledgedoc_cooled"),
            Hashed(name="knowledge_knowledgedoc_hashed"),
            Restarted(name="knowledge_knowledgedoc_restarted"),
            Tracked(name="knowledge_knowledgedoc_tracked", noun="document"),
            Audited(
                name="knowledge_knowledgedoc_audited",
                noun="document",
                masked=["title", "content", "content_hash", "metadata", "source_uri", "tags", "file_name", "file_hash"],
                omitted=["updated_at", "version", "changed_in", "page_starts"],
            ),
        ]
        # Each order of the list of what isn't in the trash.
        indexes: ClassVar[list[models.Index]] = [
            *Titled.Meta.indexes,
            *(
                models.Index(
                    fields=["owner", column, "id"],
                    condition=models.Q(trashed_at=None),
                    name=f"knowledge_doc_by_{column}",
                )
                for column in ("created_at", "updated_at", "title")
            ),
            models.Index(
                fields=["owner", "created_at", "id"],
                condition=models.Q(trashed_at__isnull=False),
                name="knowledge_doc_trash",
            ),
            models.Index(
                fields=["trashed_at"], condition=models.Q(trashed_at__isnull=False), name="knowledge_doc_purge"
            ),
        ]


class IndexingRun(models.Model):
    """How much of a document's new form has been embedded. It is there while indexing is under way."""

    document = models.OneToOneField(
        KnowledgeDoc, on_delete=models.DO_NOTHING, primary_key=True, related_name="run", db_constraint=False
    )
    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+", db_index=False)
    chunks_done = models.PositiveIntegerField(default=0)
    chunks_total = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            Isolated(name="knowledge_indexingrun_isolated"),
            OwnedReference(name="knowledge_indexingrun_document", field="document"),
        ]

    def __str__(self) -> str:
        return f"{self.chunks_done} of {self.chunks_total}"
