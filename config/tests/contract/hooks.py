"""What schemathesis is told in Python: no two requests have the same key."""

from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis import GenerationMode

HEADER = "Idempotency-Key"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """A key is good for one request. What is made up to be refused stays as it is."""
    is_allowed = case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE
    if is_allowed and HEADER in (case.headers or {}):
        case.headers[HEADER] = str(uuid4())
