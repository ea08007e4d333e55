"""Run by a test in a process of its own: a waiter who is not served by looking now and then.

Says "waits" once it does, and then at what time it was woken. With `gevent` as its second argument it runs as a web
process does.
"""

import sys

if sys.argv[2] == "gevent":
    from gevent import monkey

    monkey.patch_all()

import time  # everything else comes after the patch

from taskyard.core import polling
from taskyard.core.db import open_database
from taskyard.core.notices import notices
from taskyard.tasks.waiting import waiting

NEVER_S = 60.0

looks: list[float] = []


def look() -> bool:
    """Wait on after the first look, and be content with the second."""
    looks.append(time.time())
    if len(looks) == 1:
        while not (database.is_sqlite or notices(database).hearing):
            time.sleep(0.001)
        print("waits", flush=True)
    return len(looks) == 2


polling.FLOOR_S = polling.POLL_S = NEVER_S
database = open_database(sys.argv[1])
waiting(database).until(["c"], look, 20, lambda: False)
print(looks[-1], flush=True)
database.dispose()
