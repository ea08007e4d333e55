"""kill -9 of web, dispatcher, workers and PostgreSQL at random moments: nothing is lost, nothing is settled twice.

The short form is part of the tests. `make chaos` runs the long one: CHAOS_TASKS tasks for each of CHAOS_SEEDS.
"""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from support.chaos import Chaos, retry_at_once
from support.databases import Postgres, SqliteFiles
from support.server import running_server
from taskyard.core.db import open_database
from taskyard.queue.read import every_attempt
from taskyard.queue.tables import lease, ready, scheduled, task

pytestmark = pytest.mark.e2e
TASKS = int(os.environ.get("CHAOS_TASKS", "400"))
SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1").split()]
AT_LEAST = 4  # kills: one of each kind
AT_MOST = int(os.environ.get("CHAOS_KILLS", "5"))
EVERY_S = float(os.environ.get("CHAOS_EVERY_S", "0.8"))
END_S = 60 + TASKS / 50
MAX_CRASHES = 3


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_on_sqlite(sqlite_files: SqliteFiles, tmp_path: Path, seed: int) -> None:
    survive(sqlite_files.new(), None, tmp_path, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_on_postgresql(own_postgres: Postgres, tmp_path: Path, seed: int) -> None:
    survive(own_postgres.new(), own_postgres, tmp_path, seed)


def survive(url: str, postgres: Postgres | None, folder: Path, seed: int) -> None:
    started = time.monotonic()
    with running_server(url, folder, TASKYARD_LOG_LEVEL="WARNING") as server:
        retry_at_once(server, "chaos")
        chaos = Chaos(server, postgres, folder, seed)
        try:
            submitting = chaos.submit(TASKS)
            while len(chaos.kills) < AT_MOST:
                if len(chaos.kills) >= AT_LEAST and not any(thread.is_alive() for thread in submitting):
                    break
                chaos.kill_one(EVERY_S)
            for thread in submitting:
                thread.join()
            assert len(chaos.accepted) == TASKS, "a client gave up"
            wait_for_the_end(url)
        finally:
            chaos.stop()
    check(url, chaos, time.monotonic() - started)


def wait_for_the_end(url: str) -> None:
    database = open_database(url)
    give_up_at = time.monotonic() + END_S
    open_ones = select(func.count()).where(task.c.outcome.is_(None))
    try:
        while True:
            with database.read.connect() as connection:
                left = connection.execute(open_ones).scalar_one()
            if not left:
                return
            assert time.monotonic() < give_up_at, f"{left} tasks do not end"
            time.sleep(0.1)
    finally:
        database.dispose()


def check(url: str, chaos: Chaos, took_s: float) -> None:
    tasks, attempts, left = stored(url)
    runs = chaos.runs()
    succeeded = Counter(row.task_id for row in attempts if row.outcome == "succeeded")
    again = len(runs) - len({task_id for task_id, _, _ in runs})
    outcomes = Counter(row.outcome for row in tasks.values())
    print(f"seed {chaos.seed}: {len(tasks)} tasks in {took_s:.1f} s, kills {dict(Counter(chaos.kills))}", end=", ")
    print(f"{dict(outcomes)}, second runs {again} of at most {chaos.in_flight_at_most()}")
    assert set(chaos.accepted) == set(tasks), "what was answered with 201 is there, and nothing else"
    assert left == 0, "what has ended stands in no line"
    assert set(succeeded.values()) <= {1}, "nothing is settled twice"
    assert set(succeeded) == {task_id for task_id, row in tasks.items() if row.outcome == "succeeded"}
    # A task that was in a worker's hands at three kills is taken for one that kills its workers.
    assert all(row.outcome == "succeeded" or row.crashes == MAX_CRASHES for row in tasks.values()), outcomes
    assert again <= chaos.in_flight_at_most()
    begun = set(runs)
    for row in attempts:
        if row.outcome == "succeeded":
            result = orjson.loads(tasks[row.task_id].result)
            assert (row.task_id, row.number, result["fence"]) in begun, "the result is that of the run that settled"


def stored(url: str) -> tuple[dict[str, Any], list[Any], int]:
    """The tasks by id, the attempts that are over, and how many rows wait or are leased."""
    database = open_database(url)
    try:
        with database.read.connect() as connection:
            tasks = {row.id: row for row in connection.execute(select(task))}
            attempts = list(connection.execute(select(every_attempt)))
            places = (ready, scheduled, lease)
            left = sum(connection.execute(select(func.count()).select_from(one)).scalar_one() for one in places)
    finally:
        database.dispose()
    return tasks, attempts, left
