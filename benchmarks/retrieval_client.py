"""A user of the knowledge endpoints, over HTTP."""

import json
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from typing import Any

from benchmarks.instance import HOST

DOCUMENTS_AT_ONCE = 50
POLL_SECONDS = 0.5


class Person:
    """One connection with a token."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = HTTPConnection(HOST, port)
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            # Else it would be redirected.
            "X-Forwarded-Proto": "https",
        }

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        """The answer's body. Raises `RuntimeError` for a refusal."""
        self._connection.request(verb, f"/api/v1/{path}", None if body is None else json.dumps(body), self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{verb} {path}: {response.status} {answer[:500]!r}")
        return json.loads(answer)

    def store(self, documents: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """Store documents: our id → the collection's. A text that is there twice is stored once."""
        distinct = {content: (name, title) for name, (title, content) in reversed(list(documents.items()))}
        ids: dict[str, str] = {}
        for start in range(0, len(distinct), DOCUMENTS_AT_ONCE):
            some = list(distinct.items())[start : start + DOCUMENTS_AT_ONCE]
            operations = [
                {"op": "create", "document": {"title": title, "content": content}} for content, (_, title) in some
            ]
            results = self.ask("POST", "knowledge/documents/bulk", {"operations": operations})["results"]
            ids |= {result["id"]: name for result, (_, (name, _)) in zip(results, some, strict=True)}
        return ids

    def await_indexing(self) -> None:
        """Until there is nothing left to be indexed."""
        while self.ask("GET", "knowledge/documents?status=in_progress&limit=1")["results"]:
            time.sleep(POLL_SECONDS)

    def search(self, query: str, mode: str, limit: int) -> tuple[Sequence[str], float]:
        """The ids of the best documents, best first, and how many milliseconds the answer took."""
        body = {"query": query, "mode": mode, "max_num_results": limit, "group_by": "document"}
        started = time.perf_counter()
        hits = self.ask("POST", "knowledge/search", body)["results"]
        return [hit["document_id"] for hit in hits], (time.perf_counter() - started) * 1000
