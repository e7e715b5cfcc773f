"""Documents and chunks in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.admin import OwnedAdmin
from knowledge import services
from knowledge.models import KnowledgeDoc, VectorChunk


@admin.register(KnowledgeDoc)
class KnowledgeDocAdmin(OwnedAdmin):
    """Documents of all users. What is saved here is indexed as if its owner had sent it."""

    list_display = ("title", "owner", "status", "chunk_count", "created_at", "updated_at")
    list_filter = ("status", ("created_at", admin.DateFieldListFilter))
    search_fields = ("=id", "=owner__email", "title")
    search_help_text = "A document's id, its owner's e-mail address, or a part of the title."
    fields = (
        ("id", "owner"),
        "title",
        "content",
        "metadata",
        ("status", "chunk_count", "revision"),
        "last_error",
        ("created_at", "updated_at"),
    )
    add_fields = ("owner", "title", "content", "metadata")
    readonly_fields = (*OwnedAdmin.readonly_fields, "status", "chunk_count", "revision", "last_error")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Before it is saved a document has what somebody writes, and nothing else."""
        return self.fields if obj else self.add_fields

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
