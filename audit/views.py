"""The record, to be read and to be checked."""

import json
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from audit import proofs
from audit.exports import JSONLinesRenderer, json_lines
from audit.filters import EventFilter
from audit.models import Checkpoint, Event, EventQuerySet
from audit.note import MAX_SIZE
from audit.serializers import CheckpointSerializer, EventSerializer, ProofSerializer
from audit.services import record
from web.errors import InvalidParameter
from web.refusals import refusal
from web.views import StrictView

DISPOSITION = 'attachment; filename="events.jsonl"'
SIZE = {"type": "integer", "minimum": 0, "maximum": MAX_SIZE}
SINCE = OpenApiParameter("since", SIZE, description="The size of an older tree: prove that this one extends it.")
OF_SIZE = OpenApiParameter("size", SIZE, "path", required=True, description="The number of events that it seals.")
AS_A_FILE = OpenApiParameter(
    "Content-Disposition",
    {"type": "string", "const": DISPOSITION},
    "header",
    required=True,
    response=[200],
    description="Has a browser keep the answer as a file.",
)
LINES = OpenApiResponse(
    {"type": "string", "maxLength": MAX_SIZE},
    "An event a line, with its `commitments`: masked field → [before, after].",
    [OpenApiExample("Events", json.dumps(EventSerializer.example | {"commitments": {}}) + "\n")],
)
UNSEALED = refusal(
    409, "The event isn't sealed yet.", proofs.NotSealedYet.default_code, proofs.NotSealedYet.default_detail
)
EMPTY = refusal(404, "Nothing is sealed yet.", NotFound.default_code, NotFound.default_detail)


class EventViewSet(StrictView, ListModelMixin, RetrieveModelMixin, GenericViewSet[Event]):
    """What happened to what is the signed-in user's, newest first; to staff, what happened."""

    queryset = Event.objects.none()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    lookup_value_converter = "uuid"
    for_auditors = True

    def get_queryset(self) -> EventQuerySet:
        """The first wall; the database is the second."""
        user: Any = self.request.user
        return Event.objects.all() if user.is_staff else Event.objects.for_user(user.pk)

    def get_object(self) -> Event:
        """What staff look up of everybody's is itself on record."""
        event = super().get_object()
        if self.request.user.is_staff:
            record(action="event.read", object_type="event", object_id=event.pk)
        return event

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of events. What staff read of everybody's is itself on record."""
        response = super().list(request, *args, **kwargs)
        if request.user.is_staff:
            record(action="event.listed", object_type="event", detail={"filters": request.query_params.dict()})
        return response

    @extend_schema(
        parameters=[AS_A_FILE],
        responses={(200, "application/jsonl"): LINES},
        filters=True,
        operation_id="audit_events_export",
        summary="Export events",
    )
    @action(
        detail=False,
        renderer_classes=[JSONRenderer, JSONLinesRenderer],
        query_parameters=tuple(EventFilter.base_filters),
    )
    def export(self, request: Request) -> StreamingHttpResponse:
        """All of them as JSON lines, oldest first, with commitments. The export is put on record before it begins."""
        events = self.filter_queryset(self.get_queryset())
        record(action="event.exported", object_type="event", detail={"filters": request.query_params.dict()})
        headers = {"Content-Disposition": DISPOSITION}
        return StreamingHttpResponse(json_lines(events), content_type="application/jsonl", headers=headers)

    @extend_schema(
        responses={200: ProofSerializer, 409: UNSEALED},
        filters=False,
        operation_id="audit_events_proof",
        summary="Prove that an event is in the tree",
    )
    @action(detail=True)
    def proof(self, request: Request, **kwargs: Any) -> Response:
        """That the event is in the tree, for docs/verify_audit.py. 409 if it isn't sealed yet."""
        return Response(ProofSerializer(proofs.prove_event(self.get_object().pk)).data)


class LatestCheckpointView(StrictView):
    """The newest checkpoint. It says of others how many events there are in all, and nothing else."""

    noun = "checkpoint"
    query_parameters = ("since",)

    @extend_schema(
        parameters=[SINCE],
        responses={200: CheckpointSerializer, 404: EMPTY},
        operation_id="audit_checkpoints_latest",
        summary="Get the newest checkpoint",
    )
    def get(self, request: Request) -> Response:
        """With `since`, also the proof that the tree of that size is its beginning. 404 before the first sealing."""
        body = proofs.describe(Checkpoint.objects.order_by("-size").first())
        if (since := request.query_params.get("since")) is not None:
            if not (since.isascii() and since.isdigit() and len(since) < 19 and int(since) <= body["size"]):
                raise InvalidParameter({"since": [f"A size from 0 to {body['size']}."]})
            body["consistency"] = proofs.prove_extension(int(since), body["size"])
        return Response(CheckpointSerializer(body).data)


class CheckpointView(StrictView):
    """An older checkpoint."""

    noun = "checkpoint"

    @extend_schema(
        parameters=[OF_SIZE],
        responses=CheckpointSerializer,
        operation_id="audit_checkpoints_retrieve",
        summary="Get an older checkpoint",
    )
    def get(self, request: Request, size: int) -> Response:
        """The checkpoint of exactly that size."""
        return Response(CheckpointSerializer(proofs.describe(Checkpoint.objects.filter(size=size).first())).data)
