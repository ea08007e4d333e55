"""A waiter hears of what other processes do without looking: the floor of polling is far away in these tests."""

import subprocess
import sys
import threading
import time as wall
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.people import ALICE
from support.signals import until
from support.yard import Yard
from taskyard.core import polling
from taskyard.core.db import Database, open_database
from taskyard.core.notices import notices
from taskyard.dispatcher import loop
from taskyard.dispatcher.duties import all_duties
from taskyard.tasks.results import results
from taskyard.tasks.waiting import Waiting, bell, waiting

pytestmark = pytest.mark.slow

NEVER_S = 60.0
SOON_S = 8.0  # of a machine under load; a floor that served would take 20 s


@pytest.fixture(autouse=True)
def _nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "POLL_S", NEVER_S)
    monkeypatch.setattr(polling, "FLOOR_S", NEVER_S)


@contextmanager
def elsewhere(database: Database) -> Iterator[Database]:
    """The same database, as another process has it."""
    other = open_database(database.write.url.render_as_string(hide_password=False))
    try:
        yield other
    finally:
        other.dispose()


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    with elsewhere(database) as found:
        yield found


def until_hearing(database: Database) -> None:
    until(lambda: database.is_sqlite or notices(database).hearing)


class Waiter(threading.Thread):
    """Looks at once and whenever it is woken, until `attempt` is true."""

    def __init__(
        self, line: Waiting, attempt: Callable[[], bool], names: Sequence[str] = ("c",), *, wait_s: float = 20
    ) -> None:
        super().__init__()
        self._line, self._attempt, self._names, self._wait_s = line, attempt, list(names), wait_s
        self.looks = 0
        self.start()
        until(lambda: self.looks > 0 and len(line) > 0)

    def run(self) -> None:
        self._line.until(self._names, self._look, self._wait_s, lambda: False)
        self.ended_at = wall.time()

    def _look(self) -> bool:
        found = self._attempt()
        self.looks += 1
        return found


def claimed(yard: Yard) -> Callable[[], bool]:
    return lambda: bool(yard.claim("c"))


@pytest.mark.parametrize("kind", ["threads", "gevent"])
def test_a_waiter_hears_of_a_task_of_another_process(database: Database, kind: str) -> None:
    url = database.write.url.render_as_string(hide_password=False)
    argv = [sys.executable, "-m", "support.waiting_process", url, kind]
    waiter = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    with waiter:
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == "waits\n"
        Yard(database).add(queue="c")
        waiting(database).wake(["c"])
        sent_at = wall.time()
        told, _ = waiter.communicate(timeout=30)
    assert waiter.returncode == 0
    assert float(told) - sent_at < SOON_S


def test_a_task_that_is_submitted_wakes_a_waiter_elsewhere(alice: Caller, database: Database, other: Database) -> None:
    waiter = Waiter(waiting(other), claimed(Yard(other)))
    until_hearing(other)
    alice.post("/v1/tasks", {"command": "c"})
    submitted_at = wall.time()
    waiter.join(20)
    assert waiter.ended_at - submitted_at < SOON_S


def test_a_queue_that_is_resumed_wakes_a_waiter_elsewhere(mia: Caller, database: Database, other: Database) -> None:
    mia.post("/v1/queues/c/pause")
    mia.post("/v1/tasks", {"command": "c"})
    waiter = Waiter(waiting(other), claimed(Yard(other)))
    until_hearing(other)
    mia.post("/v1/queues/c/resume")
    resumed_at = wall.time()
    waiter.join(20)
    assert waiter.ended_at - resumed_at < SOON_S


def test_a_worker_that_is_drained_is_told_elsewhere_at_once(alice: Caller, database: Database, other: Database) -> None:
    alice.post("/v1/leases", {"queues": ["c"], "worker": "to go\n"})
    [worker] = alice.get("/v1/workers").json["workers"]
    drained = threading.Event()
    waiters = [Waiter(waiting(other), drained.is_set, ["c", bell(ALICE.id, "to go\n")]) for _ in range(2)]
    stays = Waiter(waiting(other), drained.is_set, ["c", bell(ALICE.id, "stays")])
    until_hearing(other)
    drained.set()
    alice.post(f"/v1/workers/{worker['id']}/drain")
    drained_at = wall.time()
    for waiter in waiters:
        waiter.join(20)
        assert waiter.ended_at - drained_at < SOON_S
    assert stays.looks == 1
    waiting(other).wake_here(["c"])
    stays.join(20)


def test_one_task_wakes_one_waiter_of_each_other_process(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("there the file tells that something has changed, not what")
    with elsewhere(database) as two, elsewhere(database) as three:
        herds = [[Waiter(waiting(one), claimed(Yard(one)), wait_s=3) for _ in range(10)] for one in (two, three)]
        for one in (two, three):
            until_hearing(one)
        Yard(database).add(queue="c")
        waiting(database).wake(["c"])
        for waiter in (waiter for herd in herds for waiter in herd):
            waiter.join(10)
        looks = [sum(waiter.looks - 1 for waiter in herd) for herd in herds]
    # Whoever got the task woke another one, as there might have been more.
    assert sorted(looks) == [1, 2]


def test_a_task_for_which_somebody_waits_here_is_not_told_elsewhere(
    alice: Caller, app: Flask, database: Database, other: Database
) -> None:
    if database.is_sqlite:
        pytest.skip("there nothing is told")
    heard: list[str] = []
    notices(other).on("queue", heard.extend)
    notices(other).listen()
    until_hearing(other)
    here = Waiter(waiting(database), claimed(Yard(database)))
    alice.post("/v1/tasks", {"command": "c"})
    here.join(10)
    alice.post("/v1/tasks", {"command": "d"})
    until(lambda: bool(heard))
    assert heard == ["d"]


def test_whoever_waits_for_a_result_hears_of_its_end_elsewhere(
    alice: Caller, database: Database, other: Database
) -> None:
    task = alice.post("/v1/tasks", {"command": "c"}).json["id"]
    token = alice.post("/v1/leases", {"queues": ["c"]}).json["leases"][0]["token"]
    ended_at: list[float] = []

    def wait() -> None:
        results(other).until(task, lambda: False, 20, lambda: False)
        ended_at.append(wall.time())

    notices(database).listen()
    until_hearing(database)
    notices(other).listen()
    until_hearing(other)
    waiter = threading.Thread(target=wait)
    waiter.start()
    until(lambda: len(results(other)) == 1)
    until(lambda: database.is_sqlite or bool(results(database)._elsewhere.among([task])))
    sent: dict[str, Any] = {"leases": [{"token": token, "outcome": "succeeded"}]}
    alice.post("/v1/leases/settle", sent)
    settled_at = wall.time()
    waiter.join(20)
    assert ended_at[0] - settled_at < SOON_S


def test_the_end_of_a_task_for_which_nobody_waits_is_not_told(alice: Caller, database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("there nothing is told")
    told: list[str] = []
    with elsewhere(database) as other:
        for topic in ("ended", "queue"):
            notices(other).on(topic, told.extend)
        notices(other).listen()
        until_hearing(other)
        alice.post("/v1/tasks", {"command": "c"})
        token = alice.post("/v1/leases", {"queues": ["c"]}).json["leases"][0]["token"]
        alice.post("/v1/leases/settle", {"leases": [{"token": token, "outcome": "succeeded"}]})
        alice.post("/v1/tasks", {"command": "last"})
        until(lambda: "last" in told)
    assert told == ["c", "last"]


def test_what_the_dispatcher_lets_go_wakes_a_waiter_in_a_web_process(alice: Caller, database: Database) -> None:
    waiter = Waiter(waiting(database), claimed(Yard(database)))
    until_hearing(database)
    alice.post("/v1/tasks", {"command": "c", "delay_s": 0.5})
    due_at = wall.time() + 0.5
    stop = threading.Event()
    with elsewhere(database) as other:
        duties = [duty for duty in all_duties(idempotency_s=60) if duty.name == "promote"]
        dispatcher = threading.Thread(target=loop.run, args=(other, duties, stop))
        dispatcher.start()
        waiter.join(20)
        stop.set()
        dispatcher.join(5)
    assert waiter.ended_at - due_at < SOON_S
