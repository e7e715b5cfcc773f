"""What every endpoint's view does before its own work."""

from typing import Any

from rest_framework.request import Request
from rest_framework.views import APIView

from web.errors import InvalidParameter
from web.lists import NewestFirst


class StrictView(APIView):
    """Refuses parameters that it doesn't know, before anything is done.

    A list knows its filters, `cursor` and `limit`; a view names others in `query_parameters`.
    """

    query_parameters: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After authentication, so that a stranger learns nothing but that."""
        super().initial(request, *args, **kwargs)
        unknown = sorted(set(request.query_params) - self._known())
        if unknown:
            raise InvalidParameter({name: ["There is no such parameter."] for name in unknown})
        repeated = sorted(name for name, values in request.query_params.lists() if len(values) > 1)
        if repeated:
            raise InvalidParameter({name: ["Give this parameter once."] for name in repeated})

    def _known(self) -> set[str]:
        known = set(self.query_parameters)
        if getattr(self, "action", None) == "list":
            filterset = getattr(self, "filterset_class", None)
            known.update(NewestFirst.parameters, filterset.base_filters if filterset else ())
        return known
