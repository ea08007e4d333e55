"""Who is woken when: waiters without HTTP, and without a poller that would make up for a lost wake-up."""

import threading
from collections.abc import Callable
from contextlib import suppress

from support.signals import until
from taskyard.core.db import Database
from taskyard.tasks.waiting import Waiting


class Line:
    """Tasks that are only a number, and those who wait for them."""

    def __init__(self, database: Database) -> None:
        self.waiting = Waiting(database)
        self.waiting._poller._thread = threading.current_thread()  # as if there were one, which sees nothing
        self.tasks = 0
        self.lock = threading.Lock()

    def take(self) -> bool:
        with self.lock:
            self.tasks, had = max(0, self.tasks - 1), self.tasks > 0
            return had

    def wait(
        self, attempt: Callable[[], bool] | None = None, gone: Callable[[], bool] = lambda: False, wait_s: float = 10
    ) -> threading.Thread:
        before = len(self.waiting)
        thread = threading.Thread(target=self._run, args=(attempt or self.take, wait_s, gone))
        thread.start()
        until(lambda: len(self.waiting) == before + 1)
        return thread

    def _run(self, attempt: Callable[[], bool], wait_s: float, gone: Callable[[], bool]) -> None:
        with suppress(ConnectionError):  # what a test raises
            self.waiting.until(["c"], attempt, wait_s, gone)

    def add(self, count: int = 1) -> None:
        with self.lock:
            self.tasks += count


def ended(*threads: threading.Thread) -> bool:
    for thread in threads:
        thread.join(5)
    return not any(thread.is_alive() for thread in threads)


def test_a_woken_waiter_whose_caller_has_gone_wakes_the_next(database: Database) -> None:
    line, left = Line(database), threading.Event()
    first = line.wait(gone=left.is_set)
    second = line.wait()
    left.set()
    line.add()
    line.waiting.wake(["c"])  # meets the first
    assert ended(first, second)
    assert line.tasks == 0


def test_a_woken_waiter_that_fails_wakes_the_next(database: Database) -> None:
    line, broken = Line(database), threading.Event()

    def fails() -> bool:
        if broken.is_set():
            raise ConnectionError
        return False

    first = line.wait(fails)
    second = line.wait()
    broken.set()
    line.add()
    line.waiting.wake(["c"])
    assert ended(first, second)
    assert line.tasks == 0


def test_a_waiter_that_got_its_task_wakes_the_next_as_there_may_be_more(database: Database) -> None:
    line = Line(database)
    waiters = [line.wait() for _ in range(5)]
    line.add(5)
    line.waiting.wake(["c"])  # once, as a look at the database does
    assert ended(*waiters)
    assert line.tasks == 0


def test_a_task_that_comes_during_the_look_is_not_missed(database: Database) -> None:
    line, looks = Line(database), []

    def look() -> bool:
        looks.append(1)
        if len(looks) == 1:
            line.waiting.wake(["c"])
        return len(looks) == 2

    thread = threading.Thread(target=line.waiting.until, args=(["c"], look, 10, lambda: False))
    thread.start()
    assert ended(thread)
    assert len(looks) == 2


def test_a_waiter_on_many_queues_is_woken_by_each_and_leaves_all(database: Database) -> None:
    shared = Waiting(database)
    shared._poller._thread = threading.current_thread()
    for queue in "abc":
        looks: list[bool] = []
        thread = threading.Thread(
            target=shared.until, args=(list("abc"), lambda looks=looks: looks.append(True) or len(looks) > 1, 10, bool)
        )
        thread.start()
        until(lambda: len(shared) == 1)
        shared.wake([queue])
        assert ended(thread)
        assert len(shared) == 0
