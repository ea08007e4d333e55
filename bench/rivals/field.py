"""Who takes part, on which store, with how many tasks: so many that each part of a run takes some seconds."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.databases import Postgresql, Source
from bench.rivals import install, stores
from bench.rivals.install import APPS
from bench.rivals.stores import Redis, Store

SOME, MANY = 20_000, 100_000  # of those that go in by batches; many, as some queues are slower the more wait
WARM_UPS = 2  # tasks that open the connections, one for each way in
CELERY_LEFT = ("LLEN celery", "HLEN unacked")
PROCRASTINATE = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
PGBOSS = "SELECT count(*) FROM pgboss.job WHERE state = 'completed'"
TASKYARD = "SELECT count(*) FROM task WHERE outcome = 'succeeded'"


@dataclass(frozen=True)
class Sizes:
    """How many tasks are enqueued one by one, and how many at once where a library can: thousands."""

    single: int
    batch: int

    def quick(self) -> "Sizes":
        return Sizes(self.single // 4, min(self.batch, 2000))


@dataclass(frozen=True)
class Runner:
    """One that takes part. `open` gives it a store of its own for a run, in a folder that is not there yet."""

    name: str
    version: str
    durable: bool
    command: list[str]
    open: Callable[[Path], AbstractContextManager[Store]]
    sizes: Sizes
    worker: str = "worker"


def celery_done(enqueued: int) -> Callable[[Redis], int]:
    """A result is stored before its message is acknowledged, so what is gone is done."""
    return lambda redis: enqueued - sum(max(0, redis.ask(command)) for command in CELERY_LEFT)


def rq_done(redis: Redis) -> int:
    return redis.ask("ZCARD rq:finished:default")


def field(sqlite: Source, postgresql: Postgresql, *, quick: bool) -> list[Runner]:
    """All that take part; what is not installed is installed first."""
    found = [*_on_redis(quick=quick), *_on_databases(postgresql, quick=quick)]
    here = [sys.executable, str(APPS / "taskyard_app.py")]
    for databases in (sqlite, postgresql):
        for worker, said, sizes in (
            ("worker", "its Python worker", Sizes(1000, 5000)),
            ("batch-worker", "batch worker, 12 × 100", Sizes(1000, SOME)),
            ("large-batches", "batch worker, 2 × 1,000", Sizes(1000, SOME)),
            ("large-batches", f"batch worker, 2 × 1,000, {MANY:,} tasks", Sizes(1000, MANY)),
        ):
            name = f"Taskyard, {databases.name}, {said}"
            opened = _taskyard(databases)
            found.append(Runner(name, "this checkout", True, here, opened, _sized(sizes, quick=quick), worker))
    return found


def _taskyard(databases: Source) -> Callable[[Path], AbstractContextManager[Store]]:
    def opened(folder: Path) -> AbstractContextManager[Store]:
        folder.mkdir()
        return stores.taskyard(databases, folder)

    return opened


def _sized(sizes: Sizes, *, quick: bool) -> Sizes:
    return sizes.quick() if quick else sizes


def _on_redis(*, quick: bool) -> list[Runner]:
    found = []
    celery, rq = _sized(Sizes(2000, 4000), quick=quick), _sized(Sizes(1000, 1000), quick=quick)
    for fsync in ("always", "everysec"):
        durable = fsync == "always"
        found += [
            Runner(
                f"Celery, Redis, appendfsync {fsync}",
                install.pinned("celery"),
                durable,
                install.python("celery"),
                _redis(fsync, celery_done(celery.single + celery.batch + WARM_UPS)),
                celery,
            ),
            Runner(
                f"RQ, Redis, appendfsync {fsync}",
                install.pinned("rq"),
                durable,
                install.python("rq"),
                _redis(fsync, rq_done),
                rq,
            ),
        ]
    return found


def _redis(fsync: str, done: Callable[[Redis], int]) -> Callable[[Path], AbstractContextManager[Store]]:
    return lambda folder: stores.redis(folder, fsync, done)


def _on_databases(postgresql: Postgresql, *, quick: bool) -> list[Runner]:
    procrastinate, node = install.python("procrastinate"), install.node()

    def with_schema(folder: Path) -> AbstractContextManager[Store]:
        url = postgresql.empty()
        subprocess.run([*procrastinate, "schema"], env={"STORE_URL": url}, check=True, capture_output=True, timeout=60)
        return stores.postgresql(url, PROCRASTINATE)

    return [
        Runner(
            "Huey, SQLite",
            install.pinned("huey"),
            True,
            install.python("huey"),
            lambda folder: stores.sqlite(folder, "SELECT count(*) FROM kv"),
            _sized(Sizes(4000, 0), quick=quick),
        ),
        Runner(
            "Procrastinate, PostgreSQL",
            install.pinned("procrastinate"),
            True,
            procrastinate,
            with_schema,
            _sized(Sizes(1000, 2000), quick=quick),
        ),
        *(
            Runner(
                f"pg-boss, PostgreSQL, {said}",
                "pg-boss 10.4.2",
                True,
                node,
                lambda folder: stores.postgresql(postgresql.empty(), PGBOSS),
                _sized(sizes, quick=quick),
                worker,
            )
            for worker, said, sizes in (
                ("worker", "its work()", Sizes(2000, 2000)),
                ("batch-worker", "batch worker, 4 × 100", Sizes(2000, SOME)),
                ("large-batches", "batch worker, 2 × 1,000", Sizes(2000, SOME)),
                ("large-batches", f"batch worker, 2 × 1,000, {MANY:,} tasks", Sizes(2000, MANY)),
                ("huge-batches", f"batch worker, 2 × 10,000, {MANY:,} tasks", Sizes(2000, MANY)),
            )
        ),
    ]
