"""A yard whose processes are killed at random moments while tasks come and run."""

import itertools
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import urllib3

from support.databases import Postgres
from support.people import ALICE, MIA
from support.server import PROJECT, Server, Service
from taskyard.client import Client

LEASE_S = 3
CONCURRENCY = 8
WORKERS = 2
SUBMITTERS = 4


def logging_worker(
    server: Server, name: str, log: Path, command: str, *, lease_s: int = LEASE_S, concurrency: int = CONCURRENCY
) -> Service:
    """A worker that writes each run into the log."""
    paths = f"{PROJECT / 'tests'}:{PROJECT / 'src'}"
    env = {**server.env, "TASKYARD_URL": server.url, "TASKYARD_TOKEN": ALICE.key, "PYTHONPATH": paths}
    argv = [sys.executable, "-m", "support.logging_worker", str(log), command, str(lease_s), str(concurrency)]
    worker = Service(name, argv, env, server.folder)
    worker.start()
    return worker


def retry_at_once(server: Server, command: str) -> None:
    """Register a command whose tasks wait for no backoff."""
    answer = urllib3.request(
        "PUT",
        f"{server.url}/v1/commands/{command}",
        json={"backoff": {"kind": "constant", "base_s": 0}},
        headers={"Authorization": f"Bearer {MIA.key}"},
    )
    assert answer.status in {200, 201}, answer.data


class Chaos:
    """`tasks` are submitted while `kill_one` is called; all that was answered with 201 is in `accepted`."""

    def __init__(self, server: Server, postgres: Postgres | None, folder: Path, seed: int) -> None:
        self.server, self.seed = server, seed
        self.log = folder / "runs.log"
        self.random = random.Random(seed)
        self.workers = [logging_worker(server, f"worker-{n}", self.log, "chaos") for n in range(WORKERS)]
        self.kills: list[str] = []
        self.accepted: list[str] = []
        self._deck: list[str] = []
        self._victims: dict[str, Callable[[], None]] = {
            "web": lambda: self._again(server.web),
            "dispatcher": lambda: self._again(server.dispatcher),
            "worker": lambda: self._again(self.random.choice(self.workers)),
        }
        if postgres is not None:
            self._victims["postgres"] = lambda: self._crash(postgres)

    def submit(self, count: int) -> list[threading.Thread]:
        """Begin to submit so many tasks, each under a key of its own until it was answered."""
        numbers = itertools.count()
        threads = [threading.Thread(target=self._submit, args=(numbers, count)) for _ in range(SUBMITTERS)]
        for thread in threads:
            thread.start()
        return threads

    def _submit(self, numbers: "itertools.count[int]", count: int) -> None:
        with Client(self.server.url, ALICE.key, retry_for_s=60) as client:
            while (number := next(numbers)) < count:
                task = client.submit("chaos", {"number": number}, idempotency_key=f"{self.seed}-{number}")
                self.accepted.append(task.id)

    def kill_one(self, after_s: float) -> None:
        """End one of the processes with kill -9, at some moment in the next `after_s` seconds, and start it again."""
        if not self._deck:  # each in its turn, in an order that chance gives
            self._deck = self.random.sample(sorted(self._victims), len(self._victims))
        victim = self._deck.pop()
        if victim == "web":  # where it takes longer to start than until the next kill, nothing would ever be answered
            self.server.wait_until_ready()
        time.sleep(self.random.uniform(0, after_s))
        self.kills.append(victim)
        self._victims[victim]()

    def _again(self, service: Service) -> None:
        service.kill()
        time.sleep(self.random.uniform(0, 0.3))
        service.start()

    def _crash(self, postgres: Postgres) -> None:
        postgres.crash()
        time.sleep(self.random.uniform(0, 0.3))
        postgres.start_again()

    def runs(self) -> list[tuple[str, int, str]]:
        """Task, attempt and hashed token of each run that was begun."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(task_id, int(attempt), fence) for task_id, attempt, fence in lines]

    def in_flight_at_most(self) -> int:
        """Tasks whose runs the kills can have cost: a worker's own, or all where nobody could extend their leases."""
        cost = {"dispatcher": 0, "worker": CONCURRENCY}
        return sum(cost.get(victim, WORKERS * CONCURRENCY) for victim in self.kills)

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()
            print(worker.output()[-5000:])
