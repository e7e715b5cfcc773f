"""Search endpoints."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.ownership import requester
from knowledge import search
from knowledge.fusion import Mode
from knowledge.search_serializers import BatchHitsSerializer, BatchSerializer, HitsSerializer, SearchSerializer
from web.views import StrictView


class SearchView(StrictView):
    """Search one's own documents."""

    noun = "search"

    @extend_schema(
        request=SearchSerializer,
        responses=HitsSerializer,
        operation_id="knowledge_search",
        summary="Search documents",
    )
    def post(self, request: Request) -> Response:
        """The passages that answer best, by meaning, by words, or by both. What is in the trash isn't searched.

        Searching is put on record, its words only if policy says so. While queries can't be embedded a hybrid search
        goes by words alone, and its answer says so: `degraded`.
        """
        (answer,) = _answers(request, [SearchSerializer.read(request.data)])
        return Response(answer)


class SearchBatchView(StrictView):
    """Several searches at once."""

    noun = "search"

    @extend_schema(
        request=BatchSerializer,
        responses=BatchHitsSerializer,
        operation_id="knowledge_search_batch",
        summary="Search documents for several things",
    )
    def post(self, request: Request) -> Response:
        """The answers to up to ten searches, in their order. Each is put on record by itself."""
        return Response({"results": _answers(request, BatchSerializer.read(request.data)["searches"])})


def _answers(request: Request, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers = search.answer(requester(request), [_search(question) for question in questions])
    for question, answer in zip(questions, answers, strict=True):
        answer.put_on_record(question["query"])
    return [{"results": answer.results, "mode": answer.mode, "degraded": answer.degraded} for answer in answers]


def _search(question: Mapping[str, Any]) -> search.Search:
    return search.Search(
        query=question["query"],
        mode=Mode(question["mode"]),
        limit=question["max_num_results"],
        threshold=question.get("ranking_options", {}).get("score_threshold", -1.0),
        context=question["context"],
        grouped=question["group_by"] is not None,
        chosen=question.get("filters", {}),
    )
