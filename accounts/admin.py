"""Users and sessions in the admin, and the base of every owned model's page."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db import models
from django.http import HttpRequest

from accounts.models import Session, User
from accounts.staff import SignInForm
from audit.recorded import RecordedAdmin

admin.site.login_form = SignInForm


class VerbatimField(forms.CharField):
    """A text as it was written. Browsers send CRLF for every line's end; what is stored has LF."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"strip": False})

    def to_python(self, value: Any) -> Any:
        """Normalise the ends of lines, and nothing else."""
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if text else text


class OwnedAdmin(RecordedAdmin):
    """Of what is somebody's: without a select box of all users."""

    raw_id_fields: ClassVar[tuple[str, ...]] = ("owner",)
    list_select_related: ClassVar[tuple[str, ...]] = ("owner",)
    readonly_fields: ClassVar[tuple[str, ...]] = ("id", "created_at", "updated_at")
    formfield_overrides: ClassVar[dict[Any, Any]] = {models.TextField: {"form_class": VerbatimField}}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What is somebody's stays theirs: the owner is chosen once. What the database sets isn't there before."""
        return (*self.readonly_fields, "owner") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A form for something new shows what can be written."""
        fields = super().get_fields(request, obj)
        return fields if obj else [field for field in fields if field not in self.readonly_fields]


class UserCreationForm(AdminUserCreationForm):
    """E-mail address and password, twice."""

    class Meta:
        model = User
        fields = ["email"]


@admin.register(User)
class UserAdmin(RecordedAdmin, DjangoUserAdmin):
    """Users by e-mail address."""

    add_form = UserCreationForm
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)
    fieldsets = (
        (None, {"fields": ("id", "email", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Times", {"fields": ("last_login", "created_at", "updated_at")}),
    )
    readonly_fields = ("id", "last_login", "created_at", "updated_at")
    list_display = ("email", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("=id", "email")
    search_help_text = "A user's id, or a part of the e-mail address."

    def owner_of(self, obj: Any) -> UUID | None:
        """A look at a user concerns that user."""
        user_id: UUID = obj.pk
        return user_id


@admin.register(Session)
class SessionAdmin(OwnedAdmin):
    """Who is signed in. Deleting a session signs its user out."""

    list_display = ("id", "owner", "created_at", "updated_at", "expires_at")
    fields = ("id", "owner", "created_at", "updated_at", "expires_at")
    search_fields = ("=id", "=owner__email")
    search_help_text = "A session's id, or its user's e-mail address."

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Sessions begin by signing in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is nothing to edit."""
        return False
