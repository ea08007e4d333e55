"""Low-water marks: a claim begins where the head of the line was seen last, and no row stays unseen for long."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from support.databases import Postgres
from support.people import ALICE
from support.signals import until
from support.yard import Yard
from taskyard.core import clock, driver, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database, open_database
from taskyard.core.ids import new_id
from taskyard.queue import heads, postgresql
from taskyard.queue import marks as marks_module
from taskyard.queue import ready as line
from taskyard.queue.claim import Claim, _values, claim
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.lifecycle import PRIORITIES
from taskyard.queue.marks import FRONT, LATE_S, Marks, keep_true
from taskyard.queue.tables import ready

LINE = (1, "q")
LINES = [(lane, "q") for lane in PRIORITIES]


class Marked(Yard):
    """Claims begin at marks, which are swept when the test says so."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.marks = marks_module.marks(database)
        self.marks.places(LINES)  # they are in use
        self.sweep()

    def sweep(self, *, whole: bool = True) -> None:
        with self.database.read.connect() as connection:
            self.marks.sweep(connection, clock.now(), whole=whole)

    def take(self, limit: int = 1) -> list[str]:
        wanted = Claim(ALICE.id, "w", ["q"], limit, 60)
        with transaction.own(self.database) as connection:
            [taken] = claim(connection, [wanted], clock.now(), self.marks)
        return [lease.task_id for lease in taken.leases]

    def seen(self) -> list[str]:
        with self.database.read.connect() as connection:
            return heads.with_work(connection, ["q"], self.marks, clock.now())

    def add_many(self, count: int) -> None:
        now = clock.now()
        common: dict[str, Any] = {"owner_id": ALICE.id, "command": "c", "payload": "{}", "queue": "q", "lane": 1}
        self.do(enqueue, [NewTask(id=new_id(), created_at=now, run_at=now, **common) for _ in range(count)])

    def buffers(self, marks: Marks) -> int:
        """What a claim of one task reads; it is rolled back."""
        wanted = Claim(ALICE.id, "w", ["q"], 1, 60)
        statement = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {postgresql.CLAIM}"
        with self.database.write.connect() as connection:
            values = _values(wanted, wanted.limit, clock.now(), LINES, marks.places(LINES))
            [[[report]]] = driver.rows(connection, statement, values)
        return int(report["Plan"]["Shared Hit Blocks"] + report["Plan"]["Shared Read Blocks"])


@pytest.fixture
def marked(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Marked]:
    monkeypatch.setattr(line, "_last_seq", 0)  # tests before this one have set their clocks far ahead
    url = postgres.new()
    database = open_database(url)
    yield Marked(database)
    database.dispose()
    postgres.drop(url)


@contextmanager
def held_snapshot(database: Database) -> Iterator[None]:
    """A transaction that stays open, so that vacuum may remove nothing of what goes through meanwhile."""
    with database.write.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SELECT 1 FROM ready"))
        yield


@contextmanager
def uncommitted(marked: Marked) -> Iterator[str]:
    """A task whose transaction commits when the block ends."""
    now = clock.now()
    task = NewTask(new_id(), ALICE.id, "c", "{}", "q", 1, now, now)
    with transaction.own(marked.database) as connection:
        enqueue(connection, [task], now)
        yield task.id


@pytest.mark.slow
def test_a_claim_reads_no_more_after_20_000_tasks_while_nothing_can_be_vacuumed(
    marked: Marked, time: FrozenClock
) -> None:
    with held_snapshot(marked.database):
        marked.add_many(1)
        before = marked.buffers(marked.marks)
        for _ in range(20):
            marked.add_many(1000)
            while marked.take(100):
                pass
        time.advance(1)  # past the margin in which a transaction may commit late
        marked.sweep()
        marked.add_many(1)
        assert marked.buffers(marked.marks) <= 2 * before
        assert marked.buffers(Marks()) > 10 * before


def test_a_task_whose_transaction_commits_a_little_late_is_found_at_once(marked: Marked, time: FrozenClock) -> None:
    marked.sweep()
    with uncommitted(marked) as late:
        time.advance(0.1)
        early = marked.add()
        assert marked.take(10) == [early]
    assert marked.take() == [late]


def test_a_task_whose_transaction_commits_very_late_is_found_after_the_next_sweep(
    marked: Marked, time: FrozenClock
) -> None:
    with uncommitted(marked) as late:
        time.advance(5)
        early = marked.add()
        time.advance(5)
        assert marked.take(10) == [early]
    assert (marked.take(), marked.seen()) == ([], []), "the mark is ahead of it"
    marked.sweep()
    assert marked.seen() == ["q"]
    assert marked.take() == [late]


@pytest.mark.parametrize("late_s", [9, 11])
def test_a_sweep_that_is_not_whole_finds_what_is_a_little_late(
    marked: Marked, time: FrozenClock, late_s: float
) -> None:
    with uncommitted(marked) as late:
        time.advance(late_s)
        early = marked.add()
        assert marked.take(10) == [early]
    marked.sweep(whole=False)
    assert marked.take() == ([late] if late_s < LATE_S else [])
    marked.sweep()
    assert marked.take() == ([] if late_s < LATE_S else [late])


def test_a_task_that_is_moved_to_the_front_is_found_after_the_next_sweep(marked: Marked, time: FrozenClock) -> None:
    tasks = [marked.add() for _ in range(3)]
    time.advance(5)
    assert marked.take() == tasks[:1]
    with transaction.own(marked.database) as connection:
        connection.execute(update(ready).where(ready.c.task_id == tasks[2]).values(seq=1))
    marked.sweep()
    assert marked.take(2) == [tasks[2], tasks[1]]


def test_what_a_claim_took_that_was_rolled_back_is_found_at_once(marked: Marked, time: FrozenClock) -> None:
    task = marked.add()
    time.advance(5)
    with marked.database.write.connect() as connection:
        [taken] = claim(connection, [Claim(ALICE.id, "w", ["q"], 1, 60)], clock.now(), marked.marks)
        assert taken.leases
    assert marked.take() == [task]


def test_a_claim_under_way_does_not_undo_what_a_sweep_has_set_back(marked: Marked, time: FrozenClock) -> None:
    with uncommitted(marked) as late:
        time.advance(5)
        marked.add()
        time.advance(5)
        assert len(marked.take()) == 1
    [began] = marked.marks.places([LINE])
    marked.sweep()
    marked.marks.advance(LINE, began, (0, began[1] + 1), clock.now())
    assert marked.take() == [late]


def test_the_sweep_moves_the_mark_on_where_others_claim(marked: Marked, time: FrozenClock) -> None:
    marked.add()
    marked.claim("q")  # as another process does
    time.advance(5)
    marked.sweep()
    assert marked.marks.places([LINE]) == [(0, clock.micros(clock.now() - timedelta(seconds=0.2)))]


def test_a_mark_counts_only_while_sweeps_go_on(marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert marked.marks.places([LINE]) != [FRONT]
    monkeypatch.setattr(marks_module, "TRUSTED_S", 0.0)
    marked.sweep()
    assert marked.marks.places([LINE]) == [FRONT]


def test_a_mark_that_nobody_uses_is_forgotten(marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks_module, "KEPT_S", 0.0)
    marked.sweep()
    assert marked.marks.places([LINE]) == [FRONT]


def test_with_a_pass_the_mark_follows_the_head_a_margin_behind(marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks_module, "MARGIN_S", 0.0)
    tasks = [marked.add() for _ in range(4)]
    with transaction.own(marked.database) as connection:
        for number, task in enumerate(tasks):
            connection.execute(
                update(ready).where(ready.c.task_id == task).values({"pass": 10 * (number + 1), "seq": 1})
            )
    for number, task in enumerate(tasks):
        assert marked.take() == [task]
        assert marked.marks.places([LINE]) == [(10 * max(number, 1), 1)], "the head before this one"


def test_all_tasks_are_claimed_once_while_many_enqueue_claim_and_sweep(marked: Marked) -> None:
    stop = threading.Event()
    taken: list[str] = []

    def add() -> None:
        for _ in range(20):
            marked.add_many(25)

    def take() -> None:
        while not stop.is_set():
            taken.extend(marked.take(7))

    def sweep() -> None:
        while not stop.is_set():
            marked.sweep()

    threads = [threading.Thread(target=deed) for deed in (add, add, take, take, take, sweep)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(taken) >= 1000)
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert len(taken) == len(set(taken)) == 1000


def test_the_thread_that_sweeps_begins_at_once_and_stops_when_told(marked: Marked) -> None:
    with uncommitted(marked):
        pass
    marked.marks._trusted_until = 0.0
    stop = threading.Event()
    thread = threading.Thread(target=keep_true, args=(marked.database, stop))
    thread.start()
    until(lambda: marked.marks.places([LINE]) != [FRONT])
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
