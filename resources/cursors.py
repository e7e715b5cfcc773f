"""Where a client stands in the changes, and in which life of the database.

Transactions are numbered by the cluster that they run in. A database that was restored elsewhere, or set back to an
earlier moment, gives out the same numbers once more, for other changes. So a cursor says of which count it is, and
which checkpoint of the record was the newest then: a database without that checkpoint isn't the one that the client
knows.
"""

import base64
import struct
from typing import NamedTuple, Self
from uuid import UUID

from rest_framework import exceptions, status

from audit.models import Checkpoint
from web.errors import InvalidParameter

# Three signed numbers, two unsigned ones and an id: 56 bytes, which are 75 characters of base64url.
FORM = struct.Struct(">qqqQQ16s")
NOTHING = UUID(int=0)

CHECKPOINT = Checkpoint._meta.db_table
# The SQL of a `Moment`: its members, one after the other. The timeline, which stands in the name of the log's file, is
# another after a recovery to an earlier moment, and after the promotion of a replica; the number of a table in a
# database that was made anew.
NOW = f"""
    concat_ws(
        ' ', pg_snapshot_xmin(pg_current_snapshot()),
        hashtextextended(concat_ws(
            '/', (pg_control_system()).system_identifier, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
            current_database(), '{CHECKPOINT}'::regclass::oid
        ), 0),
        coalesce((
            SELECT concat_ws(' ', size, hashtextextended(note, 0)) FROM {CHECKPOINT} ORDER BY size DESC LIMIT 1
        ), '0 0'),
        (%(size)s = 0 OR EXISTS (
            SELECT FROM {CHECKPOINT} WHERE size = %(size)s AND hashtextextended(note, 0) = %(seal)s
        ))::integer
    )
"""


class CursorExpired(exceptions.APIException):
    """The client's copy can't be brought up to date."""

    status_code = status.HTTP_410_GONE
    default_detail = "The database was restored since this cursor was given out: start again without a cursor."
    default_code = "cursor_expired"


class Moment(NamedTuple):
    """A snapshot of the database, taken for a cursor.

    horizon: every transaction before this one has ended. life: of which database and which count that is.
    size, seal: the newest checkpoint's, 0 if there is none. witnessed: whether the cursor's checkpoint is there.
    """

    horizon: int
    life: int
    size: int
    seal: int
    witnessed: int

    @classmethod
    def parse(cls, told: str) -> Self:
        """What `NOW` gave."""
        return cls(*map(int, told.split()))


class Cursor(NamedTuple):
    """The client has everything up to `(changed_in, id)`.

    life, size, seal: of the moment that it was given out.
    resume: while the client reads for the first time what is there: the horizon when it began, from which on it will be
    told of changes. 0 as soon as it is.
    """

    life: int
    size: int
    seal: int
    resume: int
    changed_in: int
    id: UUID

    @classmethod
    def parse(cls, given: str) -> Self:
        """What `str()` gave. Raises `InvalidParameter`."""
        try:
            members = FORM.unpack(base64.b64decode(f"{given}=", altchars="-_", validate=True))
        except (ValueError, struct.error):
            raise InvalidParameter({"cursor": ["This isn't a cursor that we gave out."]}) from None
        return cls._make((*members[:-1], UUID(bytes=members[-1])))

    def __str__(self) -> str:
        packed = FORM.pack(*self[:-1], self.id.bytes)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    def check(self, now: Moment) -> None:
        """Raise `CursorExpired` if it is of another life of the database, or of a future that this one hasn't."""
        if self.life != now.life or not now.witnessed or (self.resume or self.changed_in) > now.horizon:
            raise CursorExpired
