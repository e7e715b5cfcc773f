"""The embedding provider in the admin: one page, on which its key is set and checked, and never shown."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from audit.services import record
from knowledge import providers
from knowledge.embedding_errors import KeyFault
from knowledge.models import ProviderKey
from knowledge.provider_serializers import MAX_TOKEN, TOKEN

PAGE = "knowledge_providerkey_changelist"


class KeyForm(forms.Form):
    """A new key. What was typed isn't sent back, right or wrong."""

    api_key = forms.RegexField(
        regex=TOKEN,
        max_length=MAX_TOKEN,
        label="New access token",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "size": 50}),
    )


@admin.register(ProviderKey)
class ProviderKeyAdmin(admin.ModelAdmin):
    """The page stands where a list would."""

    def get_urls(self) -> list[URLPattern]:
        """Nothing else: no row is shown or edited by itself."""
        return [path("", self.admin_site.admin_view(self.provider_view), name=PAGE)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A key is added by the page."""
        return False

    @method_decorator(sensitive_post_parameters("api_key"))
    def provider_view(self, request: HttpRequest) -> HttpResponse:
        """Who embeds, and whether the key works. Looking is on record, as what is done is."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = KeyForm()
        if request.method == "POST":
            form = KeyForm(request.POST if "set" in request.POST else None)
            if not self.has_change_permission(request):
                raise PermissionDenied
            if not form.is_bound or form.is_valid():
                self._do(request, form)
                return HttpResponseRedirect(request.path)
        record(action="provider.read", object_type="provider", object_id=providers.HUGGING_FACE)
        context = {
            **self.admin_site.each_context(request),
            "title": "Embedding provider",
            "opts": self.opts,
            "status": providers.status(),
            "form": form,
            "may_change": self.has_change_permission(request),
        }
        return TemplateResponse(request, "admin/knowledge/provider.html", context)

    def _do(self, request: HttpRequest, form: KeyForm) -> None:
        """What the button says that was pressed."""
        user: Any = request.user
        try:
            if form.is_bound:
                found = providers.set_key(text=form.cleaned_data["api_key"], user_id=user.pk)
                _tell(request, found, "The key was stored.")
            elif "remove" in request.POST:
                providers.remove_key()
                messages.success(request, "The stored key was deleted.")
            else:
                _tell(request, providers.check(), "The key was checked.")
        except KeyFault as exc:
            messages.error(request, f"{exc} Nothing was changed.")
        except providers.KeyFromEnvironmentError:
            messages.error(request, "The key comes from HUGGING_FACE_API_KEY; change it there.")


def _tell(request: HttpRequest, found: providers.Status, done: str) -> None:
    if found.error:
        messages.warning(request, f"{done} {found.error['message']}")
    else:
        messages.success(request, f"{done} It works.")
