"""Files as forms bring them: `multipart/form-data` (RFC 7578), spooled to the disk while it is read."""

import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import UnreadablePostError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser

from web.errors import PayloadTooLarge

# For the other fields, and what stands between them.
BESIDE_THE_FILE = 2**20
TAIL = 1_024
BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)


class _Tailed:
    """A stream that keeps its last bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.tail = stream, b""

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.tail = (self.tail + data)[-TAIL:]
        return data


class FormParser(MultiPartParser):
    """Django's parser, and none of its leniency with what is too large or isn't complete.

    Raises `ParseError` (400) and `PayloadTooLarge` (413), which is told before anything is read.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Fields and files."""
        context = dict(parser_context or {})
        refuse_large(int(context["request"].META.get("CONTENT_LENGTH") or 0) - BESIDE_THE_FILE)
        tailed: Any = _Tailed(stream)
        try:
            form = super().parse(tailed, media_type, context)
        except RequestDataTooBig:
            raise PayloadTooLarge("The fields beside the file are too large.") from None
        except (SuspiciousOperation, UnreadablePostError) as exc:
            raise ParseError(f"This isn't a form that can be read: {type(exc).__name__}.") from None
        if not _is_complete(media_type or "", tailed.tail):
            raise ParseError("The body ends before the form does.")
        return form


def refuse_large(size: int) -> None:
    """Raise `PayloadTooLarge` for a file of more bytes than may be uploaded."""
    limit: int = settings.UPLOAD_MAX_BYTES
    if size > limit:
        raise PayloadTooLarge(f"The file is larger than {limit} bytes.")


def _is_complete(media_type: str, tail: bytes) -> bool:
    """Whether the last delimiter is there: of a file that was cut off nobody would know."""
    named = BOUNDARY.search(media_type)
    return named is not None and f"--{named[1] or named[2]}--".encode() in tail
