"""What every endpoint's view does around its own work."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import QueryDict
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from web.errors import DatabaseUnavailable, InvalidParameter
from web.lists import NewestFirst


@cache
def _made(classes: tuple[Callable[[], Any], ...]) -> list[Any]:
    """One of each, for all requests: an authenticator, a parser, a permission or a renderer keeps nothing of any."""
    return [make() for make in classes]


class StrictView(APIView):
    """Refuses parameters that it doesn't know, or that are empty or repeated, before anything is done.

    A list knows its filters, `cursor` and `limit`; a view names others in `query_parameters`.

    noun: what the view is about, in the record's terms. A view set has the name of its routes.
    """

    noun: str
    query_parameters: tuple[str, ...] = ()
    # Set by an authenticator that takes the caller's word until the first statement; raises if that can't be kept up.
    confirm: Callable[[], None] | None = None

    def get_authenticators(self) -> list[BaseAuthentication]:
        return _made(tuple(self.authentication_classes))

    def get_parsers(self) -> list[BaseParser]:
        return _made(tuple(self.parser_classes))

    def get_permissions(self) -> list[Any]:
        return _made(tuple(self.permission_classes))

    def get_renderers(self) -> list[BaseRenderer]:
        return _made(tuple(self.renderer_classes))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Whoever takes anything, or what there is anyway, needs no negotiation."""
        usual: Any = self.get_renderers()[0]
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", usual.media_type):
            return usual, usual.media_type
        return super().perform_content_negotiation(request, force)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After authentication, so that a stranger learns nothing but that."""
        super().initial(request, *args, **kwargs)
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        if request.META.get("QUERY_STRING"):
            self._check(request.query_params)

    def _check(self, given: QueryDict) -> None:
        unknown = {name: ["There is no such parameter."] for name in given.keys() - self._known()}
        repeated = {name: ["Give this parameter once."] for name, values in given.lists() if len(values) > 1}
        empty = {name: ["Give this parameter a value, or leave it out."] for name, value in given.items() if not value}
        if faults := unknown or repeated or empty:
            raise InvalidParameter(dict(sorted(faults.items())))

    def _known(self) -> set[str]:
        known = set(self.query_parameters)
        if getattr(self, "action", None) == "list":
            filterset = getattr(self, "filterset_class", None)
            known.update(NewestFirst.parameters, filterset.base_filters if filterset else ())
        return known

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Whatever the answer is, a caller who has no right to any gets a 401 instead.

        That the database is away is told to everybody: there is nothing to be asked.
        """
        if self.confirm and not isinstance(getattr(response, "error", None), DatabaseUnavailable):
            try:
                self.confirm()
            except Exception as exc:  # noqa: BLE001 - the handler knows them all
                response = self.handle_exception(exc)
        return super().finalize_response(request, response, *args, **kwargs)
