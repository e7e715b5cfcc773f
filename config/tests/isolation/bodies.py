"""What to write into bodies: of an endpoint all but this is known without being told."""

from typing import Any

from config.tests.isolation.endpoints import Endpoint

TASKS, LABELS, DOCUMENTS = "tasks", "labels", "knowledge/documents"
# Stands in a request for the id that it is tried with.
KEY = "<key>"
# A task's id in a file: of version 7, and nobody's.
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
# The one member of what is sent as a form, with a file of this text.
FILE = "<file>"
# A client's own, of any document.
PASSAGE = {"char_start": 0, "char_end": 1, "embedding": [1, *[0] * 383]}


def text_of(collection: str, word: str, mentioned: str) -> dict[str, Any]:
    """The body of an object that holds a word, and mentions an id wherever it can."""
    text = f"{word} mentions {mentioned}"
    match collection:
        case "tasks":
            return {"title": text, "description": text, "metadata": {word: mentioned}}
        case "labels":
            # As long as a name may be.
            return {"name": f"{word} {mentioned}"}
    return {"title": text, "content": text, "metadata": {word: mentioned}, "tags": [word], "source_uri": mentioned}


def body_of(endpoint: Endpoint, word: str, mentioned: str) -> dict[str, Any] | None:
    """What a request to an object needs in its body."""
    if endpoint.route.endswith("/chunks"):
        return None if endpoint.verb == "get" else {"chunks": [PASSAGE], "model": f"{word} {mentioned}"}
    if endpoint.route.endswith("/file"):
        return None if endpoint.verb == "get" else {FILE: f"{word} {mentioned}"}
    if endpoint.verb in ("patch", "put"):
        return text_of(endpoint.collection, word, mentioned)
    return {"after": None} if endpoint.route.endswith("/move") else None


def bulk(*operations: dict[str, Any]) -> dict[str, Any]:
    """The body of many operations."""
    return {"operations": list(operations)}


def file_of(*tasks: dict[str, Any], labels: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """A file to import."""
    return {"daybook": 1, "labels": list(labels), "tasks": list(tasks)}
