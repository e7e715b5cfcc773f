"""What every endpoint's view does before its own work."""

from typing import Any

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.views import APIView

from web.errors import InvalidParameter
from web.lists import NewestFirst


class StrictView(APIView):
    """Refuses parameters that it doesn't know, or that are empty or repeated, before anything is done.

    A list knows its filters, `cursor` and `limit`; a view names others in `query_parameters`.

    noun: what the view is about, in the record's terms. A view set has the name of its routes.
    """

    noun: str
    query_parameters: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After authentication, so that a stranger learns nothing but that."""
        super().initial(request, *args, **kwargs)
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
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
