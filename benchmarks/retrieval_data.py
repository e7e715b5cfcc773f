"""Test collections in BEIR's layout, and the measures by which their answers are judged."""

import csv
import json
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from knowledge.models import MAX_CONTENT
from knowledge.search_serializers import MAX_QUERY

# A small collection of our own, unless a directory of others is named.
DIRECTORY = Path(os.environ.get("BENCH_DATA") or Path(__file__).parent / "collections")
MAX_TITLE = 255
CUT = 10


class Collection(NamedTuple):
    """documents: id → title and text. queries: those that are judged, id → text. gains: of each query, by document."""

    name: str
    documents: Mapping[str, tuple[str, str]]
    queries: Mapping[str, str]
    gains: Mapping[str, Mapping[str, int]]


def collections() -> Iterator[Collection]:
    """All that are there."""
    for path in sorted(DIRECTORY.glob("*/corpus.jsonl")):
        yield _read(path.parent)


def _read(directory: Path) -> Collection:
    gains: dict[str, dict[str, int]] = defaultdict(dict)
    with Path(directory, "qrels", "test.tsv").open() as file:
        for query, document, gain in list(csv.reader(file, delimiter="\t"))[1:]:
            if int(gain) > 0:
                gains[query][document] = int(gain)
    asked = {line["_id"]: line["text"][:MAX_QUERY] for line in _lines(directory / "queries.jsonl")}
    queries = {query: text for query, text in asked.items() if query in gains}
    documents = {line["_id"]: _document(line) for line in _lines(directory / "corpus.jsonl")}
    return Collection(directory.name, documents, queries, gains)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open() as file:
        yield from map(json.loads, file)


def _document(line: Mapping[str, str]) -> tuple[str, str]:
    """Neither is empty where documents are stored."""
    title = line["title"][:MAX_TITLE].strip() or line["_id"]
    return title, line["text"][:MAX_CONTENT] if line["text"].strip() else title


def ndcg(ranking: Sequence[str], gains: Mapping[str, int]) -> float:
    """nDCG@10: with linear gains, as trec_eval has it."""
    ideal = sorted(gains.values(), reverse=True)
    return _dcg([gains.get(document, 0) for document in ranking]) / _dcg(ideal)


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains[:CUT], 1))


def recall(ranking: Sequence[str], gains: Mapping[str, int]) -> float:
    """The part of what is relevant that is there at all."""
    return len(gains.keys() & set(ranking)) / len(gains)
