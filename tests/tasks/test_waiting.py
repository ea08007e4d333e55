"""Claims that wait: woken by whoever enqueues, here or elsewhere, and never for a caller who has gone."""

import gc
import socket
import subprocess
import sys
import threading
import time as wall
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.people import ALICE
from support.signals import until
from support.yard import Yard
from taskyard.core.db import Database, open_database
from taskyard.tasks.leases import SPREAD
from taskyard.tasks.waiting import Waiting, waiting
from taskyard.web.whole import Request

SOON_S = 5.0
SHORTEST = 1 - SPREAD  # of a wait

ENQUEUE = """
import sys, time
sys.path[:0] = {path!r}
from support.yard import Yard
from taskyard.core.db import open_database
yard = Yard(open_database({url!r}))
sys.stdin.readline()
yard.add(queue="c")
print(time.time(), flush=True)
"""


class Claiming(threading.Thread):
    """A worker that claims with a wait; `answer` and `after_s` are there once it is joined."""

    def __init__(self, app: Flask, wait: float, worker: str = "w", **options: Any) -> None:
        super().__init__()
        self._caller = Caller(app, ALICE)
        self._sent = {"queues": ["c"], "wait": wait, "worker": worker}
        self._options = options
        self.start()

    def run(self) -> None:
        started = wall.monotonic()
        self.answer = self._caller.post("/v1/leases", self._sent, **self._options)
        self.answered_at = wall.time()
        self.after_s = wall.monotonic() - started

    @property
    def status(self) -> int:
        self.join(30)
        code: int = self.answer.status_code
        return code


def until_waiting(database: Database, count: int) -> None:
    until(lambda: len(waiting(database)) == count)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(database: Database) -> Iterator[None]:
    yield
    until(lambda: len(waiting(database)) == 0)
    until(lambda: all(thread.name != "waiting" for thread in threading.enumerate()))


def test_a_wait_ends_with_a_task_of_this_process(app: Flask, alice: Caller, database: Database) -> None:
    worker = Claiming(app, 20)
    until_waiting(database, 1)
    alice.post("/v1/tasks", {"command": "c"})
    assert worker.status == 200
    assert worker.after_s < 15


@pytest.mark.parametrize("deed", ["retry", "change", "release", "fail"])
def test_a_wait_ends_with_a_task_that_comes_back(app: Flask, alice: Caller, database: Database, deed: str) -> None:
    sent = {"command": "c", **({"delay_s": 600} if deed == "change" else {})}
    task = f"/v1/tasks/{alice.post('/v1/tasks', sent).json['id']}"
    claimed = alice.post("/v1/leases", {"queues": ["c"]})
    if deed == "retry":
        alice.post(f"{task}/cancel")
        report(alice, claimed, "failed")
    worker = Claiming(app, 20)
    until_waiting(database, 1)
    if deed == "retry":
        alice.post(f"{task}/retry")
    elif deed == "change":
        alice.patch(task, {"run_at": "2000-01-01T00:00:00Z"})
    else:
        report(alice, claimed, "released" if deed == "release" else "failed")
    assert worker.status == 200
    assert worker.after_s < 15


def report(who: Caller, claimed: Any, outcome: str) -> None:
    token = claimed.json["leases"][0]["token"]
    who.post("/v1/leases/settle", {"leases": [{"token": token, "outcome": outcome, "retry_in_s": 0}]})


def test_a_wait_ends_with_a_task_of_another_process(app: Flask, database: Database) -> None:
    url = database.write.url.render_as_string(hide_password=False)
    script = ENQUEUE.format(path=sys.path, url=url)
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with other:
        worker = Claiming(app, 20)
        until_waiting(database, 1)
        told, _ = other.communicate("go\n", timeout=30)
    assert worker.status == 200
    assert worker.answered_at - float(told) < SOON_S


def test_whoever_waits_keeps_nothing_of_what_was_made_for_the_request(app: Flask, database: Database) -> None:
    worker = Claiming(app, 20)
    until_waiting(database, 1)
    gc.collect()  # garbage of earlier tests
    until(lambda: not any(isinstance(one, Request) for one in gc.get_objects()))
    yard = Yard(database)
    yard.add(queue="c")
    waiting(database).wake(["c"])
    assert worker.status == 200


def test_a_wait_ends_when_the_worker_is_drained(app: Flask, alice: Caller, database: Database) -> None:
    claims = [Claiming(app, 20, "to-go") for _ in range(3)]
    until_waiting(database, 3)
    [worker] = alice.get("/v1/workers").json["workers"]
    alice.post(f"/v1/workers/{worker['id']}/drain")
    assert [claim.status for claim in claims] == [204] * 3
    assert {claim.answer.headers.get("Taskyard-Worker") for claim in claims} == {"draining"}
    assert max(claim.after_s for claim in claims) < 15


def test_one_task_goes_to_one_of_many_that_wait(app: Flask, alice: Caller, database: Database) -> None:
    workers = [Claiming(app, 3) for _ in range(6)]
    until_waiting(database, 6)
    alice.post("/v1/tasks", {"command": "c"})
    assert sorted(worker.status for worker in workers) == [200] + [204] * 5
    assert all(worker.after_s >= 3 * SHORTEST for worker in workers if worker.status == 204)


def test_many_tasks_from_elsewhere_serve_all_that_wait_at_once(app: Flask, database: Database) -> None:
    workers = [Claiming(app, 20) for _ in range(8)]
    until_waiting(database, 8)
    elsewhere = open_database(database.write.url.render_as_string(hide_password=False))
    try:
        yard = Yard(elsewhere)
        for _ in range(8):
            yard.add(queue="c")
        enqueued_at = wall.time()
        assert [worker.status for worker in workers] == [200] * 8
    finally:
        elsewhere.dispose()
    assert max(worker.answered_at for worker in workers) - enqueued_at < SOON_S
    assert len({worker.answer.json["leases"][0]["token"] for worker in workers}) == 8


def test_a_wait_for_nothing_ends_with_204_when_its_time_is_up(app: Flask) -> None:
    worker = Claiming(app, 0.3)
    assert worker.status == 204
    assert 0.3 * SHORTEST <= worker.after_s < 15


def test_waits_that_begin_together_do_not_end_together(alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    monkeypatch.setattr(Waiting, "rounds", lambda _, _queues, _attempt, wait_s, _gone: waits.append(wait_s) or iter(()))
    for _ in range(20):
        alice.post("/v1/leases", {"queues": ["c"], "wait": 20})
    assert all(20 * SHORTEST <= wait_s <= 20 for wait_s in waits)
    assert len({round(wait_s, 3) for wait_s in waits}) > 10


def test_a_caller_who_has_gone_gets_no_task(app: Flask, alice: Caller) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        task = alice.post("/v1/tasks", {"command": "c"}).json
        worker = Claiming(app, 20, environ_overrides={"gunicorn.socket": ours})
        assert worker.status == 204
    assert alice.get(f"/v1/tasks/{task['id']}").json["status"] == "queued"
    assert worker.after_s < 15


def test_a_caller_who_goes_while_waiting_gets_no_task(app: Flask, alice: Caller, database: Database) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        leaves = Claiming(app, 20, environ_overrides={"gunicorn.socket": ours})
        until_waiting(database, 1)
        stays = Claiming(app, 20)
        until_waiting(database, 2)
        theirs.close()
        alice.post("/v1/tasks", {"command": "c"})
        assert (leaves.status, stays.status) == (204, 200)
    assert stays.after_s < 15
