"""Whether an event can have occurred when it says so."""

from bisect import bisect_right
from datetime import datetime, timedelta

from audit.ids import made_at
from audit.leaves import ID, TIME, TRANSACTION, Values
from audit.seals import Window

# How far the database's clock may jump, or a statement be held up, without being named.
TOLERANCE = timedelta(minutes=1)


class Clock:
    """Knows two things of an event: the instant in its id, and which sealings its transaction began after."""

    def __init__(self) -> None:
        self._windows: list[Window] = []

    def pass_by(self, window: Window) -> None:
        """A sealing: what comes next was written by transactions that hadn't ended then."""
        last = self._windows[-1] if self._windows else window
        if window.cluster != last.cluster or window.upcoming < last.upcoming:
            self._windows.clear()
        self._windows.append(window)
        # Older ones tell nothing more of transactions that are still to be met.
        while len(self._windows) > 1 and self._windows[1].upcoming <= window.horizon:
            self._windows.pop(0)

    def is_wrong(self, values: Values) -> bool:
        """Whether the event, given its `COLUMNS`, can't have occurred at its time."""
        try:
            occurred_at = datetime.fromisoformat(str(values[TIME]))
        except ValueError:
            return True
        earliest = self._earliest(int(values[TRANSACTION] or 0))
        backdated = earliest is not None and occurred_at < earliest - TOLERANCE
        return backdated or abs(occurred_at - made_at(str(values[ID]))) > TOLERANCE

    def _earliest(self, transaction: int) -> datetime | None:
        """When the last sealing was made before which the transaction hadn't begun."""
        if self._windows and transaction < self._windows[-1].horizon:
            # It had ended, and yet wasn't sealed: it is of another cluster, that counts anew, and so of afterwards.
            return self._windows[-1].at
        place = bisect_right(self._windows, transaction, key=lambda window: window.upcoming)
        return self._windows[place - 1].at if place else None
