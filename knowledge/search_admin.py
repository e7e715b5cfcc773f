"""Searching in the admin as one of the users would: what is found, by which of the two ways, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts.admin import OwnedAdmin
from accounts.identity import acting_for
from accounts.models import User
from knowledge import search
from knowledge.fusion import MEANING, Mode
from knowledge.search_serializers import MAX_QUERY

LIMIT = 20


class OwnerField(forms.EmailField):
    """The user who has this address."""

    def clean(self, value: Any) -> User:
        """The user, or a refusal."""
        user = User.objects.filter(email=super().clean(value).lower()).first()
        if user is None:
            raise ValidationError("Nobody has this address.")
        return user


class SearchForm(forms.Form):
    """What is looked for, among whose documents."""

    owner = OwnerField(label="Whose documents", help_text="The owner's e-mail address.")
    query = forms.CharField(max_length=MAX_QUERY, widget=forms.TextInput(attrs={"size": 60}))
    mode = forms.ChoiceField(choices=[(mode.value, mode.value) for mode in Mode], initial=Mode.HYBRID.value)


@dataclass(frozen=True)
class Hit:
    """A hit as the page shows it."""

    found: dict[str, Any]

    def parts(self) -> Iterator[tuple[str, bool]]:
        """The passage in pieces, and whether each is a word that matches."""
        content, start = self.found["content"], self.found["char_start"]
        reached = 0
        for span in self.found["highlights"]:
            begin, end = span["char_start"] - start, span["char_end"] - start
            yield content[reached:begin], False
            yield content[begin:end], True
            reached = end
        yield content[reached:], False

    @property
    def words(self) -> list[str]:
        """The words that match, each once."""
        return sorted({text.casefold() for text, is_match in self.parts() if is_match})


class SearchedAdmin(OwnedAdmin):
    """Adds the page to a model's. It searches with the owner's rights, and no more."""

    def get_urls(self) -> list[URLPattern]:
        """One page more."""
        page = self.admin_site.admin_view(self.search_view)
        return [path("search/", page, name="knowledge_search"), *super().get_urls()]

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """By POST, so that what is looked for stands in no address. Searching is on record."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = SearchForm(request.POST or None)
        context = {
            **self.admin_site.each_context(request),
            "title": "Search",
            "opts": self.opts,
            "form": form,
            "meaning": MEANING,
            "limit": LIMIT,
        }
        if form.is_bound and form.is_valid():
            context |= self._searched(form)
        return TemplateResponse(request, "admin/knowledge/search.html", context)

    def _searched(self, form: SearchForm) -> dict[str, Any]:
        owner: User = form.cleaned_data["owner"]
        wanted = search.Search(query=form.cleaned_data["query"], mode=Mode(form.cleaned_data["mode"]), limit=LIMIT)
        try:
            with acting_for(owner.pk):
                (answer,) = search.answer(owner.pk, [wanted])
        except search.EmbeddingUnavailable as exc:
            form.add_error("mode", str(exc.detail))
            return {}
        answer.put_on_record(wanted.query, concerning=owner.pk)
        return {"answer": answer, "hits": [Hit(found) for found in answer.results]}
