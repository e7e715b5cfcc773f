"""Tasks as a file, of any length, as of one moment: JSON, which `tasks.imports` takes back, or CSV for spreadsheets."""

import csv
import io
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.db import connection, transaction
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from accounts.ownership import requester
from audit.services import record
from resources.lists import read
from resources.metadata import written
from tasks.import_serializers import ExportedFileSerializer
from tasks.rows import LABELS, TASK_LIST, TASKS
from web.kinds import choice
from web.parsers import parsed
from web.views import StrictView

# The rows of a statement, each of one text: the labels as one, then each task.
Batches = Generator[list[str], None, None]
Writer = Callable[[Iterator[list[str]]], Iterator[str]]

# A task has up to 100,000 characters.
BATCH = 250
_number = count()

# A client that stops reading must not keep the moment alive for ever: the connection is closed on it.
PATIENCE = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
# The labels are one row, before all others: PostgreSQL appends in this order, and doesn't plan cursors in parallel.
STATEMENT = """
SELECT '[' || coalesce(string_agg({label}, ',' ORDER BY id), '') || ']' FROM tasks_label WHERE owner_id = %s
UNION ALL (SELECT {task} FROM tasks_task WHERE {which} ORDER BY id)
"""

# With one of these at its beginning a cell is a formula to a spreadsheet, also in their full width.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# Excel takes a file without it for one in an encoding of the 1980s.
BYTE_ORDER_MARK = "\ufeff"


def _batches(sql: str, params: Sequence[Any]) -> Batches:
    """A statement's rows, by a cursor: as they were when it began, whoever changes them meanwhile."""
    name = f"export_{next(_number)}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{PATIENCE}; DECLARE {name} NO SCROLL CURSOR FOR {sql}", params)
        while True:
            cursor.execute(f"FETCH {BATCH} FROM {name}")
            rows = [text for (text,) in cursor.fetchall()]
            if len(rows) < BATCH:
                break
            yield rows
    # Of what is short nothing is left open when the answer begins.
    yield rows


def as_json(batches: Iterator[list[str]]) -> Iterator[str]:
    """One JSON object. If it is broken off, it isn't JSON."""
    labels, *tasks = next(batches)
    yield f'{{"daybook":1,"labels":{labels},"tasks":[{",".join(tasks)}'
    comma = "," if tasks else ""
    for tasks in filter(None, batches):
        yield comma + ",".join(tasks)
        comma = ","
    yield "]}\n"


def as_csv(batches: Iterator[list[str]]) -> Iterator[str]:
    """RFC 4180, with a header, all cells quoted. Labels by their names, metadata as JSON."""
    labels, *tasks = next(batches)
    names = {label["id"]: label["name"] for label in json.loads(labels)}
    yield BYTE_ORDER_MARK + _lines([TASKS.shape]) + _lines(_cells(task, names) for task in tasks)
    yield from (_lines(_cells(task, names) for task in tasks) for tasks in batches)


def _lines(rows: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows(rows)
    return buffer.getvalue()


def _cells(task: str, names: Mapping[str, str]) -> list[str]:
    members = parsed(task)
    members["labels"] = ", ".join(names[label] for label in members["labels"])
    return [_cell(value) for value in members.values()]


def _cell(value: Any) -> str:
    """A member's text. What would be a formula gets an apostrophe first, by which the cell is no longer the member."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else written(value)
    return f"'{text}" if text.startswith(FORMULA) else text


class Stream:
    """The file in UTF-8, piece by piece. The first is made at once: what fails then is answered with a problem.

    The others are made while the response is sent, which is after the request: as who asks now. What fails then breaks
    the response off, and the connection with it. Django closes it with the response, however far that was read.
    """

    def __init__(self, batches: Batches, write: Writer) -> None:
        self._batches, self._pieces = batches, write(batches)
        self._first = next(self._pieces)
        self._asking = copy_context()

    def __iter__(self) -> Iterator[bytes]:
        piece: str | None = self._first
        while piece is not None:
            yield piece.encode()
            piece = self._asking.run(next, self._pieces, None)

    def close(self) -> None:
        """End the transaction."""
        self._asking.run(self._batches.close)


class CSVRenderer(JSONRenderer):
    """Lets a client ask for CSV; what isn't a stream, an error, is JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = None


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    write: Writer
    content_type: str
    name: str

    @property
    def disposition(self) -> str:
        """The header that has a browser keep it as a file."""
        return f'attachment; filename="{self.name}"'


FORMATS = {
    "json": Format(as_json, "application/json", "tasks.json"),
    "csv": Format(as_csv, "text/csv; charset=utf-8; header=present", "tasks.csv"),
}
FORMAT = choice(FORMATS)
# Filters whose values people wrote.
SAID = ("search", "external_id")
DISPOSITION = OpenApiParameter(
    "Content-Disposition",
    {"type": "string", "enum": [each.disposition for each in FORMATS.values()]},
    "header",
    required=True,
    response=[200],
    description="Has a browser keep the answer as a file.",
)
LABELS_AND_TASK = [
    json.dumps(ExportedFileSerializer.example["labels"]),
    json.dumps(ExportedFileSerializer.example["tasks"][0]),
]
LINES = OpenApiResponse(
    {"type": "string", "maxLength": 2**40},
    "UTF-8 with a byte order mark, RFC 4180, all cells quoted.",
    [OpenApiExample("A task", next(as_csv(iter([LABELS_AND_TASK]))))],
)


class TaskExportView(StrictView):
    """The signed-in user's tasks as a file."""

    noun = "task"
    renderer_classes = (JSONRenderer, CSVRenderer)
    query_parameters = ("format", *TASK_LIST.filters)

    @extend_schema(
        operation_id="tasks_export",
        summary="Export tasks",
        parameters=[
            OpenApiParameter("format", {**FORMAT.schema}, description="As `Accept` says, or else JSON."),
            *(
                OpenApiParameter(name, {**each.kind.schema}, description=each.description)
                for name, each in TASK_LIST.filters.items()
            ),
            DISPOSITION,
        ],
        responses={
            (200, "application/json"): OpenApiResponse(ExportedFileSerializer, "What an import takes."),
            (200, "text/csv"): LINES,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All tasks that the filters leave, oldest first, as of one moment. What is in the trash: `trashed=true`.

        The JSON is what an import takes, up to 25,000 tasks at once; `created_before` and `created_after` divide more.
        In CSV a cell that would be a formula begins with an apostrophe.
        """
        owner_id, query = requester(request), request.query_params
        preferred: Any = request.accepted_renderer
        chosen = query.get("format", preferred.format)
        written: Format = read(FORMAT, "format", chosen)
        where, params = TASK_LIST.conditions(owner_id, query)
        filters = {name: value for name, value in query.items() if name not in ("format", *SAID)}
        said = {name: query[name] for name in SAID if name in query}
        record(action="task.exported", object_type="task", detail={"format": chosen, "filters": filters}, said=said)
        sql = STATEMENT.format(label=LABELS.json(("id", "name")), task=TASKS.json(), which=where)
        batches = _batches(sql, [owner_id, *params])
        headers = {"Content-Disposition": written.disposition}
        return StreamingHttpResponse(Stream(batches, written.write), content_type=written.content_type, headers=headers)
