"""The queue alone, without HTTP: what the contract tests work with."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Table, func, insert, select, update

from support.people import ALICE
from taskyard.core import clock, transaction
from taskyard.core.db import AnyRow, Database
from taskyard.core.ids import new_id
from taskyard.queue import control, limit_settings, linking, parking, read, sweeps
from taskyard.queue.claim import Claim, claim
from taskyard.queue.enqueue import Link, NewTask, enqueue
from taskyard.queue.extend import Beat, Extension, extend
from taskyard.queue.leases import Lease, Taken
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report, Settled, settle
from taskyard.queue.tables import queue


class Yard:
    """Each deed is a transaction of its own, at the present moment."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def do(self, deed: Callable[..., Any], *arguments: Any) -> Any:
        """A function of taskyard.queue, with a connection before its arguments and the time after them."""
        with transaction.own(self.database) as connection:
            return deed(connection, *arguments, clock.now())

    def add(self, **fields: Any) -> str:
        task = self._new(**fields)
        self.do(enqueue, [task])
        return task.id

    def add_after(self, *first: str, on_failure: str = "cancel", **fields: Any) -> str:
        """A task that waits for these."""
        task = self._new(link=Link([*first], on_failure), **fields)
        self.do(linking.enqueue, [task])
        return task.id

    def _new(self, **fields: Any) -> NewTask:
        now = clock.now()
        wanted = {"owner_id": ALICE.id, "command": "c", "payload": "{}", "queue": "q", "lane": 1, "run_at": now}
        return NewTask(id=new_id(), created_at=now, **{**wanted, **fields})

    def claim(self, *queues: str, limit: int = 1, lease_s: int = 60, claim_id: str | None = None) -> list[Lease]:
        [leases] = self.claims([Claim(ALICE.id, "w", list(queues or ("q",)), limit, lease_s, claim_id)])
        return leases

    def claims(self, wanted: list[Claim]) -> list[list[Lease]]:
        """All in one transaction."""
        taken: list[Taken] = self.do(claim, wanted)
        return [one.leases for one in taken]

    def settle(self, *leases: Lease, outcome: str = "succeeded", **fields: Any) -> list[Settled]:
        return self.do(settle, [Report(*one.held, Outcome(outcome), **fields) for one in leases])

    def extend(self, *leases: Lease, lease_s: int = 60, **fields: Any) -> list[Beat]:
        return self.do(extend, [Extension(*one.held, lease_s, **fields) for one in leases])

    def cancel(self, task_id: str) -> Any:
        return self.do(control.cancel, task_id)

    def change(self, task_id: str, **fields: Any) -> bool:
        return self.do(control.change, task_id, control.Change(**fields))

    def retry(self, task_id: str) -> bool:
        return self.do(control.retry, task_id)

    def remove(self, task_id: str) -> bool:
        with transaction.own(self.database) as connection:
            return control.remove(connection, task_id)

    def promote(self) -> list[str]:
        return self.do(sweeps.promote)

    def reap(self) -> list[str]:
        return self.do(sweeps.reap)

    def expire(self) -> list[str]:
        return self.do(sweeps.expire)

    def set(self, name: str = "q", **values: Any) -> None:
        """Set limits, weights or a pause of a queue."""
        now = clock.now()
        with transaction.own(self.database) as connection:
            if connection.execute(update(queue).where(queue.c.name == name).values(**values)).rowcount == 0:
                connection.execute(insert(queue).values(name=name, created_at=now, updated_at=now, **values))
            limit_settings.apply(connection, name, now)

    def set_key(self, key: str, name: str = "q", **values: Any) -> None:
        now = clock.now()
        with transaction.own(self.database) as connection:
            limit_settings.lock_key(connection, name, key, now)
            limit_settings.set_key(connection, name, key, now, **values)

    def release(self) -> int:
        return self.do(parking.release)

    def task(self, task_id: str) -> AnyRow:
        with self.database.read.connect() as connection:
            row = read.one(connection, task_id, clock.now())
        assert row is not None
        return row

    def attempts(self, task_id: str) -> list[tuple[int, str]]:
        """Number and outcome of each attempt that is over."""
        with self.database.read.connect() as connection:
            return [(row.number, row.outcome) for row in read.attempts(connection, task_id)]

    def count(self, table: Table) -> int:
        with self.database.read.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Run these in threads that start together; what each returned, or the exception it raised."""
    start = threading.Barrier(len(deeds))
    results: list[Any] = [None] * len(deeds)

    def run(index: int, deed: Callable[[], Any]) -> None:
        start.wait(10)
        try:
            results[index] = deed()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a deed hangs"
    return results
