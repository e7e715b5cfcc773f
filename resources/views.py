"""What the endpoints of a resource do alike."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, cast
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from accounts.ownership import requester
from resources.idempotency import retry_safe
from resources.lists import Listing, chosen, read
from resources.rows import ALL, LIVE, SQL, TRASHED, Row, Rows
from resources.serializers import reader
from web.kinds import BOOLEAN
from web.preconditions import (
    PreconditionFailed,
    entity_tag,
    expected_versions,
    is_known,
    must_differ,
    not_modified,
)
from web.views import StrictView

JSON = "application/json"
COUNTED = "count=exact"


@cache
def _collection(basename: str) -> str:
    """The path of a collection. To be asked for at each request it takes too long."""
    return reverse(f"{basename}-list")


def answer(row: Row, status_code: int = status.HTTP_200_OK) -> HttpResponse:
    """A row as the client gets it, its version the entity tag."""
    return HttpResponse(row.body, status=status_code, content_type=JSON, headers={"ETag": entity_tag(row.version)})


class Summary(SimpleMetadata):
    """What OPTIONS is answered, without the members of bodies.

    OpenAPI describes those. To show them DRF looks for the object that PUT is about, which no id may name.
    """

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        """None."""
        return {}


class ResourceViewSet(StrictView, GenericViewSet[Any]):
    """Create, list, retrieve, replace, change, delete: one statement each.

    known: action → the query parameters that it takes.
    """

    rows: ClassVar[Rows]
    listing: ClassVar[Listing]
    known: ClassVar[Mapping[str, tuple[str, ...]]] = {"retrieve": ("fields",)}
    lookup_value_converter = "uuid"
    metadata_class = Summary
    pagination_class = None
    filter_backends = ()
    # Which rows there are for a client who doesn't ask for others.
    which = ALL
    # The columns that a client may write, each as it is if nobody does.
    defaults: ClassVar[Mapping[str, Any]]

    def _known(self) -> set[str]:
        return {
            *super()._known(),
            *(self.listing.parameters if self.action == "list" else self.known.get(self.action, ())),
        }

    @property
    def owner_id(self) -> UUID:
        """Whose rows the request is about: the first wall; the database is the second."""
        return requester(self.request)

    def columns(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that a body's valid members are stored in."""
        return dict(members)

    def written(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        """The columns that a body asks for. Raises `ValidationError`."""
        shape = cast(type[BaseSerializer[Any]], self.serializer_class)
        return self.columns(reader(shape, partial=partial).run_validation(request.data))  # type: ignore[arg-type] # it is hashable

    def list(self, request: Request) -> HttpResponse:
        """A page."""
        counted = COUNTED in request.META.get("HTTP_PREFER", "").replace(" ", "").split(",")
        body = self.listing.page(self.owner_id, request.query_params, counted=counted)
        return HttpResponse(body, content_type=JSON, headers={"Preference-Applied": COUNTED} if counted else {})

    def retrieve(self, request: Request, pk: UUID) -> HttpResponse:
        """One, or 304 if the client has it as it is."""
        row = self.rows.find(
            self.owner_id, pk, which=self.asked(request), members=chosen(self.rows, request.query_params)
        )
        return not_modified(request, row.version) or answer(row)

    @retry_safe
    def create(self, request: Request) -> HttpResponse:
        """A new one."""
        return self.created(self.rows.insert(self.owner_id, self.written(request)))

    def created(self, row: Row) -> HttpResponse:
        """The answer that says where it is."""
        response = answer(row, status.HTTP_201_CREATED)
        response["Location"] = self.place(row.id)
        return response

    def place(self, pk: UUID) -> str:
        """The address of one."""
        address: str = self.request.build_absolute_uri(f"{_collection(self.basename)}/{pk}")
        return address

    def update(self, request: Request, pk: UUID) -> HttpResponse:
        """Replace it: what the body leaves out gets its default."""
        return answer(self.changed(request, pk, {**self.defaults, **self.written(request)}))

    def partial_update(self, request: Request, pk: UUID) -> HttpResponse:
        """Change what the body names, and nothing else."""
        return answer(self.changed(request, pk, self.written(request, partial=True)))

    def changed(self, request: Request, pk: UUID, values: Mapping[str, Any], only: str | None = None) -> Row:
        """The row after the change, if it is of a version that the client expects."""
        versions = self.expected(request, pk)
        return self.write(pk, values, which=self.which, only=only, versions=versions)

    def write(self, pk: UUID, values: Mapping[str, Any], **conditions: Any) -> Row:
        """The row after the change, with `Rows.update`'s conditions."""
        return self.rows.update(self.owner_id, pk, values, **conditions)

    def expected(self, request: Request, pk: UUID, which: str | None = None) -> Sequence[int] | None:
        """The versions of which the client wants a change; None if any will do. No statement but for `If-None-Match`.

        Raises `PreconditionFailed` if that names the version there is.
        """
        if must_differ(request):
            row = self.rows.find(self.owner_id, pk, which=which or self.which)
            if is_known(request, row.version):
                raise PreconditionFailed(row.version)
        return expected_versions(request)

    def destroy(self, request: Request, pk: UUID) -> HttpResponse:
        """Delete it for good."""
        self.rows.delete(self.owner_id, pk, which=self.which, versions=self.expected(request, pk))
        return HttpResponse(status=status.HTTP_204_NO_CONTENT)

    def asked(self, request: Request) -> str:
        """Which rows the request is about."""
        return self.which


class TrashViewSet(ResourceViewSet):
    """The same, with a trash between deleting something and losing it. What is in it is found by `?trashed=true`."""

    known: ClassVar[Mapping[str, tuple[str, ...]]] = {"retrieve": ("fields", "trashed"), "destroy": ("trashed",)}
    which = LIVE

    def asked(self, request: Request) -> str:
        """What is live, or what is in the trash."""
        return TRASHED if read(BOOLEAN, "trashed", request.query_params.get("trashed", "false")) else LIVE

    def destroy(self, request: Request, pk: UUID) -> HttpResponse:
        """Move it to the trash; what is there already, delete for good."""
        which = self.asked(request)
        if which == TRASHED:
            self.rows.delete(self.owner_id, pk, which=which, versions=self.expected(request, pk, which))
        else:
            self.changed(request, pk, {"trashed_at": SQL("clock_timestamp()")})
        return HttpResponse(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @retry_safe
    def restore(self, request: Request, pk: UUID) -> HttpResponse:
        """Take it out of the trash. What isn't there stays as it is, so that a retry does no harm."""
        versions = self.expected(request, pk, ALL)
        values = {"trashed_at": None}
        return answer(self.write(pk, values, which=ALL, only=TRASHED, versions=versions))
