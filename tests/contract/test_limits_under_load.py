"""Limits hold at every instant, whoever claims, settles and is reaped meanwhile; and nobody waits for ever."""

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, func, select

from support.people import ALICE
from support.yard import Yard, at_once
from taskyard.core import clock, transaction
from taskyard.queue.claim import Claim, claim
from taskyard.queue.leases import Taken
from taskyard.queue.limit_tables import parked
from taskyard.queue.read import every_attempt
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report, Settled, settle
from taskyard.queue.tables import lease, ready

KEYS = "abcdef"
CLAIMERS = 4


def working(yard: Yard, wanted: int, seen: list[str], check: Callable[[], None]) -> None:
    """Claim and settle through the batches, as the API does, until all is done."""

    def claim_all(connection: Connection, items: list[Claim]) -> list[Taken]:
        return claim(connection, items, clock.now())

    def settle_all(connection: Connection, items: list[list[Report]]) -> list[list[Settled]]:
        return [settle(connection, one, clock.now()) for one in items]

    give_up_at = time.monotonic() + 25
    while len(seen) < wanted and time.monotonic() < give_up_at:
        leases = transaction.batch(yard.database, claim_all, Claim(ALICE.id, "w", ["q"], 7, 60)).leases
        check()
        if leases:
            seen.extend(one.payload for one in leases)
            reports = [Report(*one.held, Outcome.SUCCEEDED) for one in leases]
            transaction.batch(yard.database, settle_all, reports)
        else:
            yard.release()


@pytest.mark.parametrize(
    "limits", [{"key_max_running": 2}, {"max_running": 5}, {"max_running": 9, "key_max_running": 3}]
)
def test_no_instant_sees_more_running_than_may(yard: Yard, limits: dict[str, int]) -> None:
    yard.set(**limits)
    keys = [KEYS[index % len(KEYS)] for index in range(240)]
    for key in keys:
        yard.add(payload=key, limit_key=key, fairness_key=key)
    seen: list[str] = []
    broken: list[str] = []
    by_key = select(lease.c.limit_key, func.count().label("number")).group_by(lease.c.limit_key)

    def check() -> None:
        with yard.database.read.connect() as connection:
            running = {row.limit_key: row.number for row in connection.execute(by_key)}
        if max(running.values(), default=0) > limits.get("key_max_running", 999):
            broken.append(str(running))
        if sum(running.values()) > limits.get("max_running", 999):
            broken.append(str(running))

    done = at_once(*[lambda: working(yard, len(keys), seen, check)] * CLAIMERS)
    assert [one for one in done if one is not None] == []
    assert broken == []
    assert Counter(seen) == Counter(keys)
    assert (yard.count(ready), yard.count(parked), yard.count(lease)) == (0, 0, 0)


def test_no_window_sees_more_starts_than_its_rate(yard: Yard) -> None:
    yard.set(rate_count=20, rate_per_s=1, key_rate_count=8, key_rate_per_s=1)
    for key in "aaabbbccc" * 6:
        yard.add(limit_key=key, payload=key)
    seen: list[str] = []
    done = at_once(*[lambda: working(yard, 54, seen, lambda: None)] * CLAIMERS)
    assert [one for one in done if one is not None] == []
    assert len(seen) == 54
    with yard.database.read.connect() as connection:
        starts = list(
            connection.execute(select(every_attempt.c.started_at).order_by(every_attempt.c.started_at)).scalars()
        )
    assert all((over - first).total_seconds() >= 1 for first, over in zip(starts, starts[20:], strict=False))
    assert (starts[-1] - starts[0]).total_seconds() >= 2


def test_a_batch_that_postgresql_ends_for_another_is_run_again(yard: Yard) -> None:
    """Two transactions that lock two keys in opposite orders: one of them is ended, and run again."""
    if yard.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    yard.set_key("a", max_running=1)
    yard.set_key("b", max_running=1)
    both = threading.Barrier(2)
    runs: Counter[str] = Counter()

    def handler(order: str) -> Callable[[], str]:
        def lock(connection: Connection, items: list[str]) -> list[str]:
            runs[order] += 1
            for key in order:
                connection.exec_driver_sql(f"SELECT 1 FROM limit_key WHERE key = '{key}' FOR UPDATE")
                if key == order[0] and runs[order] == 1:
                    both.wait(10)
            return items

        return lambda: transaction.batch(yard.database, lock, order)

    assert sorted(at_once(handler("ab"), handler("ba"))) == ["ab", "ba"]
    assert sum(runs.values()) > 2, "one was ended; beside others they may meet more than once"
