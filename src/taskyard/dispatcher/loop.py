"""The dispatcher: a thread per duty until it is told to stop. Any number of dispatchers may run side by side."""

import random
import threading
import time

import structlog

from taskyard.core import transaction
from taskyard.core.db import Database
from taskyard.core.driver_errors import passes
from taskyard.dispatcher.duties import Duty
from taskyard.queue import ready
from taskyard.tasks.waiting import waiting

log = structlog.get_logger("taskyard.dispatcher")
AFTER_ERROR_S = 1.0
# A duty that finds nothing rests this much longer than it took: while a transaction stays open anywhere, PostgreSQL
# reads more and more of what is long gone to tell that nothing is due.
PACE = 20


def run(database: Database, duties: list[Duty], stop: threading.Event) -> None:
    """Do the duties until `stop` is set; what was begun is finished."""
    threads = [threading.Thread(target=_repeat, args=(database, duty, stop), name=duty.name) for duty in duties]
    for thread in threads:
        thread.start()
    log.info("dispatcher started", duties=[duty.name for duty in duties])
    for thread in threads:
        thread.join()
    log.info("dispatcher stopped")


def _slice(database: Database, duty: Duty) -> tuple[int, float, set[str]]:
    """How much was done, in how many seconds (waiting for SQLite's lock costs nobody any), and queues with new work."""
    began_at = time.monotonic()
    found = duty.found(database)
    took_s = time.monotonic() - began_at
    if found is None:
        return 0, took_s, set()
    with transaction.own(database) as connection, ready.watched(connection) as queues:
        began_at = time.monotonic()
        done = duty.run(connection, *found)
        took_s += time.monotonic() - began_at
    return done, took_s, queues


def _repeat(database: Database, duty: Duty, stop: threading.Event) -> None:
    waits = False  # for the database; that is said once, when it begins and when it ends
    while not stop.is_set():
        pause_s = duty.every_s * random.uniform(0.8, 1.2)  # so that several dispatchers do not march in step
        try:
            done, took_s, queues = _slice(database, duty)
        except Exception as error:  # whatever it is: a duty that stopped for good would do so unseen
            if not passes(error):
                log.exception("duty failed", duty=duty.name)
            elif not waits:
                log.warning("duty waits for the database", duty=duty.name, error=str(error).partition("\n")[0])
                waits = True
            pause_s = max(pause_s, AFTER_ERROR_S)
        else:
            waiting(database).wake(queues)
            if waits:
                log.warning("the database is back", duty=duty.name)
                waits = False
            if done:
                log.info("duty done", duty=duty.name, count=done)
                continue
            pause_s = max(pause_s, PACE * took_s)
        stop.wait(pause_s)
