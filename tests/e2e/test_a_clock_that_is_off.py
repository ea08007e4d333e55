"""Dispatchers whose clocks are five minutes off, or are set so while they run: nothing runs early, late or twice.

On PostgreSQL only: whoever opens a SQLite file has the clock of the machine it is on.
"""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from support.chaos import logging_worker
from support.databases import Postgres
from support.people import ALICE
from support.server import PROJECT, Server, Service
from support.signals import until
from taskyard.client import Client
from taskyard.core.db import open_database
from taskyard.queue.read import every_attempt
from taskyard.queue.tables import task as tasks

pytestmark = pytest.mark.e2e
OFF_S = 300
LATE = timedelta(seconds=60)  # of a slow machine; a clock that counted would make it 300
DELAYED = 20


def skewed_dispatcher(server: Server, off_s: int, since: Path) -> Service:
    paths = f"{PROJECT / 'tests'}:{PROJECT / 'src'}"
    argv = [sys.executable, "-m", "support.skewed", str(off_s), str(since), "dispatcher"]
    service = Service(f"dispatcher{off_s:+d}-{since.name}", argv, {**server.env, "PYTHONPATH": paths}, server.folder)
    service.start()
    return service


def test_nothing_runs_early_late_or_twice(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new()
    server = Server(url, tmp_path)
    server.web.start()
    server.wait_until_ready()
    with Client(server.url, ALICE.key) as client:
        go, start, step = (tmp_path / name for name in ("go", "start", "step"))
        start.touch()
        held = client.submit("off", {"until": [str(go)]})
        worker = logging_worker(server, "worker", tmp_path / "runs.log", "off", concurrency=DELAYED + 1)
        wrong = [(OFF_S, start), (-OFF_S, start), (OFF_S, step)]
        dispatchers = [skewed_dispatcher(server, off_s, since) for off_s, since in wrong]
        try:
            until(lambda: all("dispatcher started" in one.output() for one in dispatchers))
            much_later = client.submit("off", {}, delay_s=OFF_S - 60)
            step.touch()  # somebody sets its clock while it runs
            delayed = [client.submit("off", {}, delay_s=1 + number / 10) for number in range(DELAYED)]
            for task in delayed:
                client.wait(task.id, timeout_s=20)
            # It has outlived its lease of 3 s by heartbeats, under the eyes of a clock for which it ran out long ago.
            assert client.get(held.id).status == "running"
            assert client.get(much_later.id).status == "scheduled"
            go.touch()
            client.wait(held.id, timeout_s=20)
        finally:
            for service in (worker, *dispatchers):
                service.kill()
                print(service.output())
            server.kill()
    started_late_by = starts(url)
    assert len(started_late_by) == DELAYED + 1, "each has run once"
    assert all(timedelta(0) <= late < LATE for late in started_late_by), started_late_by


def starts(url: str) -> list[timedelta]:
    """How long after its run_at each attempt was started, by the clock of the database."""
    database = open_database(url)
    try:
        with database.read.connect() as connection:
            of = tasks.select().with_only_columns(every_attempt.c.started_at, tasks.c.run_at)
            both = of.join(every_attempt, every_attempt.c.task_id == tasks.c.id)
            return [row.started_at - row.run_at for row in connection.execute(both)]
    finally:
        database.dispose()
