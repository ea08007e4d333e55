"""Looking for what is due from where the last look ended.

On PostgreSQL the index entries of what is long done lie before what is due, until vacuum may remove them: with any
transaction open for some minutes they are hundreds of thousands. So a look begins a little before the moment of the
last one, for what was committed late or passed over, and at the very front where that was not done for long.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from taskyard.core import clock
from taskyard.queue.marks import LATE_S, WHOLE_PACE
from taskyard.queue.sweeps import EVER

LATE = timedelta(seconds=LATE_S)


class Looks:
    """A duty in slices: `look` gets the time, and since when things may have become due; it returns what was due."""

    def __init__(self, look: Callable[[Connection, datetime, datetime], list[str]]) -> None:
        self._look = look
        self._since = EVER
        self._whole_at = 0.0

    def __call__(self, connection: Connection) -> int:
        now, began_at = clock.now(), time.monotonic()
        whole = began_at >= self._whole_at
        found = len(self._look(connection, now, EVER if whole else self._since))
        if whole:
            self._whole_at = began_at + WHOLE_PACE * (time.monotonic() - began_at)
        if not found:  # where it found something there may be more
            self._since = now - LATE
        return found
