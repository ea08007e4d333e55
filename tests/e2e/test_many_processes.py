"""3 web processes, 2 dispatchers and 4 workers on one PostgreSQL: no deadlocks, fair shares, limits that hold."""

import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from support.databases import Postgres
from support.people import ALICE, MIA
from support.server import PROJECT, Dispatcher, Server, Service
from taskyard.client import Client, Conflict, Extension, Lease, Report

pytestmark = pytest.mark.e2e
WEB, DISPATCHERS, WORKERS = 3, 2, 4
CONCURRENCY = 4
WEIGHTS = {"small": 1, "middle": 2, "large": 4}
ROUNDS = 30  # of shares; in each a task of weight 1
LIMIT = 3
BATCHES = 15
END_S = 60
DEADLOCK = "deadlock detected"
OUTCOMES = ("succeeded", "failed", "released")


@dataclass(frozen=True)
class Run:
    key: str
    began: int
    ended: int


@contextmanager
def running(url: str, folder: Path) -> Iterator[Server]:
    server = Server(url, folder, WEB_CONCURRENCY=str(WEB), TASKYARD_LOG_LEVEL="WARNING")
    second = Dispatcher(server.env, folder, "dispatcher-2")
    try:
        server.start()
        second.start()
        yield server
    finally:
        second.kill()
        server.kill()
        print(server.logs(), second.output())


@contextmanager
def workers(server: Server, command: str) -> Iterator[Path]:
    """WORKERS of them; where they write down what they ran."""
    log = server.folder / f"{command}.runs"
    paths = f"{PROJECT / 'tests'}:{PROJECT / 'src'}"
    env = {**server.env, "TASKYARD_URL": server.url, "TASKYARD_TOKEN": ALICE.key, "PYTHONPATH": paths}
    argv = [sys.executable, "-m", "support.timing_worker", str(log), command, str(CONCURRENCY)]
    started = [Service(f"{command}-{number}", argv, env, server.folder) for number in range(WORKERS)]
    try:
        for one in started:
            one.start()
        yield log
    finally:
        for one in started:
            one.kill()
            print(one.output()[-2000:])


def runs(log: Path) -> list[Run]:
    """In the order in which they began."""
    lines = (line.split() for line in log.read_text().splitlines())
    return sorted((Run(key, int(began), int(ended)) for key, began, ended in lines), key=lambda run: run.began)


def set_of_queue(server: Server, queue: str, settings: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {MIA.key}"}
    answer = urllib3.request("PATCH", f"{server.url}/v1/queues/{queue}", json=settings, headers=headers)
    assert answer.status == 200, answer.data


@pytest.fixture(scope="module")
def crowd(own_postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(own_postgres.new(), tmp_path_factory.mktemp("crowd")) as server:
        yield server


def test_shares_are_those_of_the_weights(crowd: Server) -> None:
    set_of_queue(crowd, "fair", {"weights": WEIGHTS})
    many = ROUNDS * sum(WEIGHTS.values())
    with Client(crowd.url, ALICE.key) as client:
        for key in WEIGHTS:  # one after the other, and of each more than its share
            wanted = {"command": "fair", "fairness_key": key, "payload": {"key": key, "lasts_s": 0.005}}
            client.submit_many([wanted] * many)
        with workers(crowd, "fair") as log:
            first = wait_for(log, many)
    found = Counter(run.key for run in first)
    for key, weight in WEIGHTS.items():
        assert found[key] == pytest.approx(ROUNDS * weight, rel=0.1), found


def test_a_limit_is_never_exceeded(crowd: Server) -> None:
    set_of_queue(crowd, "limited", {"key_limits": {"max_running": LIMIT}})
    with Client(crowd.url, ALICE.key) as client:
        wanted = [
            {"command": "limited", "limit_key": key, "payload": {"key": key, "lasts_s": 0.15}}
            for _ in range(25)
            for key in ("a", "b")
        ]
        client.submit_many(wanted)
        with workers(crowd, "limited") as log:
            found = wait_for(log, len(wanted))
    for key in ("a", "b"):
        most = at_once([run for run in found if run.key == key])
        assert most == LIMIT, f"of {key} {most} ran at once"


def at_once(found: list[Run]) -> int:
    """The most that ran at one moment."""
    changes = sorted([(run.began, 1) for run in found] + [(run.ended, -1) for run in found])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def wait_for(log: Path, count: int) -> list[Run]:
    """The first so many runs, once they have ended."""
    give_up_at = time.monotonic() + END_S
    while True:
        found = runs(log) if log.exists() else []
        if len(found) >= count:
            return found[:count]
        assert time.monotonic() < give_up_at, f"{len(found)} of {count} have run"
        time.sleep(0.05)


def test_they_do_not_lock_one_another_out(crowd: Server, own_postgres: Postgres) -> None:
    set_of_queue(crowd, "mixed", {"weights": WEIGHTS, "key_limits": {"max_running": 5}})
    log = own_postgres.server.log
    before = log.read_text().count(DEADLOCK)
    with workers(crowd, "mixed") as ran:
        faults = side_by_side(
            [
                *(Meddler(crowd, seed).submit for seed in range(3)),
                *(Meddler(crowd, seed).meddle for seed in (3, 4)),
                *(Meddler(crowd, seed).hold for seed in (5, 6)),
            ]
        )
        assert faults == []
        with Client(crowd.url, ALICE.key) as client:
            last = client.submit("mixed", {"key": "last", "lasts_s": 0}, priority="low")
            client.wait(last.id, timeout_s=END_S)
    assert len(runs(ran)) > BATCHES
    assert log.read_text().count(DEADLOCK) == before


class Meddler:
    """Somebody who touches the same keys, tasks and queues as others do at the same time, in an order of chance."""

    def __init__(self, server: Server, seed: int) -> None:
        self._client = Client(server.url, ALICE.key)
        self._random = random.Random(seed)

    def submit(self) -> None:
        for _ in range(BATCHES):
            tasks = [self._task() for _ in range(40)]
            for index in range(1, 40):
                if self._random.random() < 0.3:
                    tasks[index] |= {"after": [f"#{self._random.randrange(index)}"], "on_failure": "run"}
            self._client.submit_many(tasks, atomic=False)
            members = [{name: value for name, value in self._task().items() if name != "unique"} for _ in range(5)]
            self._client.submit_group(members, {"command": "mixed", "payload": {"key": "x", "lasts_s": 0}})

    def _task(self) -> dict[str, Any]:
        task = {"command": "mixed", "payload": {"key": "x", "lasts_s": 0}, "backoff": {"kind": "constant", "base_s": 0}}
        if self._random.random() < 0.5:
            on_conflict = self._random.choice(["replace", "return", "reject"])
            task["unique"] = {"key": f"u{self._random.randrange(20)}", "on_conflict": on_conflict}
        return task | {
            "fairness_key": self._random.choice([*WEIGHTS]),
            "limit_key": f"k{self._random.randrange(10)}",
            "tags": self._random.choice([[], [], [], ["rare"]]),
            "priority": self._random.choice(["high", "normal", "low"]),
        }

    def meddle(self) -> None:
        for number in range(BATCHES):
            if number % 5 == 0:
                self._client.operate(self._random.choice(["cancel", "retry"]), {"queue": "mixed", "tag": "rare"})
            for task in itertools.islice(self._client.list(queue="mixed"), 20):
                deed = self._random.choice([self._client.cancel, self._client.retry, self._client.get])
                with suppress(Conflict):
                    deed(task.id)

    def hold(self) -> None:
        """A worker that extends and settles the same leases at one moment, in different orders."""
        for _ in range(BATCHES):
            leases = self._client.claim(["mixed"], limit=20, lease_s=30, wait_s=0.2)
            if not leases:
                continue
            beats = [Extension(one.token, 30, progress=self._random.randrange(100)) for one in self._shuffled(leases)]
            reports = [Report(one.token, self._random.choice(OUTCOMES)) for one in self._shuffled(leases)]
            with ThreadPoolExecutor(1) as pool:
                beating = pool.submit(self._client.extend, beats)
                self._client.settle(reports)
                beating.result()

    def _shuffled(self, leases: list[Lease]) -> list[Lease]:
        return self._random.sample(leases, len(leases))


def side_by_side(deeds: list[Callable[[], None]]) -> list[str]:
    """Do these at the same time; the errors there were."""
    with ThreadPoolExecutor(len(deeds)) as pool:
        done = [pool.submit(deed) for deed in deeds]
        return [repr(error) for one in done if (error := one.exception()) is not None]
