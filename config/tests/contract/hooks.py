"""What schemathesis is told in Python: no two requests have the same key."""

import re
from typing import Any
from uuid import uuid4

import schemathesis

HEADER = "Idempotency-Key"
# As it is, or as a string of structured fields. What is made up to be refused stays as it is.
ALLOWED = re.compile(r'(?!")[\x21-\x7e]{1,255}|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255}"')


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """A key is good for one request: with a second one it gets the first answer, or 422."""
    given = (case.headers or {}).get(HEADER)
    if isinstance(given, str) and ALLOWED.fullmatch(given):
        case.headers[HEADER] = str(uuid4())
