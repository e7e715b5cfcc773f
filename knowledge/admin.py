"""Documents and chunks in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import OwnedAdmin
from knowledge import provider_admin, services  # noqa: F401 - registers its page
from knowledge.models import KnowledgeDoc, VectorChunk
from knowledge.search_admin import SearchedAdmin


class DocumentForm(ModelForm):
    """What is there already is said beside the field."""

    def clean(self) -> dict[str, Any]:
        """No two live documents of an owner's have the same content."""
        fields: dict[str, Any] = super().clean() or self.cleaned_data
        owner = fields["owner"].pk if fields.get("owner") else self.instance.owner_id
        content = fields.get("content")
        if owner and content and services.twins(owner, content).exclude(pk=self.instance.pk).exists():
            self.add_error("content", "There is a document with this content.")
        return fields


@admin.register(KnowledgeDoc)
class KnowledgeDocAdmin(SearchedAdmin):
    """Documents of all users. What is saved here is indexed as if its owner had sent it."""

    form = DocumentForm
    change_list_template = "admin/knowledge/documents.html"
    list_display = ("title", "owner", "status", "fault", "chunk_count", "file_type", "created_at")
    list_filter = (
        "status",
        ("trashed_at", admin.EmptyFieldListFilter),
        ("created_at", admin.DateFieldListFilter),
    )
    actions = ("reindex",)
    search_fields = ("=id", "=owner__email", "title")
    search_help_text = "A document's id, its owner's e-mail address, or a part of the title."
    fields = (
        ("id", "owner"),
        "title",
        "content",
        ("language", "tags"),
        "source_uri",
        "metadata",
        ("file_name", "file_type", "file_size"),
        ("chunk_tokens", "chunk_overlap", "own_chunks"),
        ("status", "passages", "revision"),
        "last_error",
        ("created_at", "updated_at", "trashed_at"),
    )
    add_fields = ("owner", "title", "content", "language", "tags", "source_uri", "metadata")
    readonly_fields = (
        *OwnedAdmin.readonly_fields,
        *("file_name", "file_type", "file_size", "own_chunks"),
        *("status", "passages", "revision", "last_error", "trashed_at"),
    )

    @admin.display(description="last error")
    def fault(self, document: KnowledgeDoc) -> str:
        """Its code."""
        return document.last_error["code"] if document.last_error else "–"

    @admin.display(description="chunks")
    def passages(self, document: KnowledgeDoc) -> SafeString:
        """How many, and where they can be seen."""
        place = f"{reverse('admin:knowledge_vectorchunk_changelist')}?q={document.pk}"
        return format_html('<a href="{}">{}</a>', place, document.chunk_count)

    @admin.action(description="Index again", permissions=["change"])
    def reindex(self, request: HttpRequest, documents: QuerySet[KnowledgeDoc]) -> None:
        """What lies in the trash, or has passages that its owner stored, stays as it is."""
        again = documents.filter(trashed_at=None, own_chunks=False)
        for document in again:
            services.update_document(document=document, **services.AGAIN)
        count = len(again)
        messages.success(request, f"{count} {'document is' if count == 1 else 'documents are'} being indexed again.")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Before it is saved a document has what somebody writes, and nothing else."""
        return self.fields if obj else self.add_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What a file says, nobody edits."""
        names = super().get_readonly_fields(request, obj)
        return (*names, "content") if obj and obj.file_key else names

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Lists don't fetch the contents."""
        documents = super().get_queryset(request)
        is_list = request.resolver_match and request.resolver_match.url_name == "knowledge_knowledgedoc_changelist"
        return documents.defer("content") if is_list else documents

    def save_model(self, request: HttpRequest, obj: KnowledgeDoc, form: ModelForm, change: bool) -> None:
        """Save through the services, so that the passages follow."""
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        if change:
            services.update_document(document=obj, **fields)
        else:
            obj.pk = services.create_document(owner_id=fields.pop("owner").pk, **fields).pk


@admin.register(VectorChunk)
class VectorChunkAdmin(OwnedAdmin):
    """Passages, as the index made them."""

    list_display = ("document", "ordinal", "heading", "token_count", "owner", "created_at")
    list_select_related = ("owner", "document")
    search_fields = ("=id", "=document__id", "=owner__email")
    search_help_text = "A chunk's id, its document's id, or its owner's e-mail address."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The list names the document; its content stays where it is."""
        return super().get_queryset(request).defer("document__content")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Chunks come from indexing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Chunks are replaced by indexing, and not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Chunks go with their document or their owner, and not on pages of their own."""
        here = request.resolver_match.url_name if request.resolver_match else None
        return not (here or "").startswith("knowledge_vectorchunk") and super().has_delete_permission(request, obj)
