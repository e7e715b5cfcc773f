"""How well search finds: nDCG@10 and recall@100 of each mode, through the public API.

The collections are those in the directory that BENCH_DATA names, in BEIR's layout; without it a small one of
our own. Judged are documents: each counts with its best passage.
"""

import sys
from collections.abc import Mapping
from statistics import fmean, quantiles
from typing import Final

from django.conf import settings

from accounts.models import Session, User
from accounts.tokens import issue
from benchmarks.figures import say, show
from benchmarks.instance import MANAGE
from benchmarks.retrieval_client import Person
from benchmarks.retrieval_data import Collection, collections, ndcg, recall
from benchmarks.servers import GUNICORN, listens
from config.processes import running, watch

MODES: Final = ("hybrid", "semantic", "keyword")
DEPTH = 100
# nDCG@10 as published: the model on whole documents, cut after 256 word pieces; BM25 of Anserini.
PUBLISHED: Final = {("scifact", "semantic"): 0.645, ("scifact", "keyword"): 0.679}
# What hybrid search has to reach.
GOALS: Final = {"allotment": 0.9, "cisi": 0.42, "cranfield": 0.40, "scifact": 0.69}

COLUMNS = ("nDCG@10", "published", "even queries", "odd queries", f"recall@{DEPTH}", "p50, ms", "p95, ms")


def main() -> None:
    """Print a row for each collection and mode. Ends with 1 if hybrid search misses its goal, or a leg is better."""
    missed = []
    with running({"web": GUNICORN, "worker": [*MANAGE, "worker"]}) as children:
        watch(children, until=lambda: listens(settings.PORT))
        for collection in collections():
            owner = User.objects.create_user(f"{collection.name}@example.com")
            person = Person(settings.PORT, str(issue(Session.objects.create(owner=owner))["access"]))
            names = person.store(collection.documents)
            person.await_indexing()
            say(f"{collection.name}: {len(names):,} documents, {len(collection.queries)} queries")
            if not judge(person, collection, names):
                missed.append(collection.name)
    if missed:
        sys.exit(f"Hybrid search is below its goal, or worse than a leg of it: {', '.join(missed)}")


def judge(person: Person, collection: Collection, names: Mapping[str, str]) -> bool:
    """Print the collection's rows; whether hybrid search is as good as it has to be."""
    person.search("The model is loaded by the first query.", "semantic", 1)
    found, rows = {}, []
    for mode in MODES:
        gained, recalled, took = [], [], []
        for query, text in collection.queries.items():
            ids, milliseconds = person.search(text, mode, DEPTH)
            ranking = [names[each] for each in ids]
            gained.append(ndcg(ranking, collection.gains[query]))
            recalled.append(recall(ranking, collection.gains[query]))
            took.append(milliseconds)
        found[mode] = fmean(gained)
        published = PUBLISHED.get((collection.name, mode))
        figures = [found[mode], fmean(gained[::2]), fmean(gained[1::2]), fmean(recalled)]
        shown = [f"{figure:.4f}" for figure in figures]
        times = quantiles(took, n=20)
        rows.append([mode, shown[0], f"{published:.3f}" if published else "", *shown[1:]])
        rows[-1] += [f"{times[9]:.1f}", f"{times[18]:.1f}"]
    show(collection.name, COLUMNS, rows)
    hybrid = found.pop("hybrid")
    return hybrid >= GOALS.get(collection.name, 0) and hybrid >= max(found.values())
