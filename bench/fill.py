"""Filling a database by the million: in SQL, with the rows that enqueue makes."""

import sqlite3
import time
from contextlib import closing

import psycopg

PORTION = 250_000
# Ids of the form of UUIDs of version 7 that sort by their number, and before any that is made from now on.
ID = (
    "substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7' || substr(h, 13, 3)"
    " || '-8' || substr(h, 16, 3) || '-' || substr(h, 19)"
)
SQLITE = (
    "WITH RECURSIVE n (n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM n WHERE n < {stop} - 1),"
    " r (n, h) AS (SELECT n, '0190' || printf('%016x', n) || '0000000000' FROM n)"
)
POSTGRESQL = (
    "WITH r (n, h) AS (SELECT n, '0190' || lpad(to_hex(n), 16, '0') || '0000000000'"
    " FROM generate_series({start}, {stop} - 1) AS n)"
)
TASK = (
    "INSERT INTO task (id, owner_id, command, queue, lane, payload, tags, created_at, run_at, timeout_s, max_attempts,"
    " max_crashes, on_lost) {rows} SELECT {id}, (SELECT id FROM \"user\"), 'resize', 'resize', 1,"
    ' \'{{"url":"https://example.com/a.png","width":200}}\', \'[]\', {created_at}, {run_at},'
    " 3600, 5, 3, 'retry' FROM r"
)
READY = "INSERT INTO ready (task_id, queue, lane, seq, attempts) {rows} SELECT {id}, 'resize', 1, {seq} + n, 0 FROM r"
SCHEDULED = (
    "INSERT INTO scheduled (task_id, run_at, queue, lane, attempts) {rows} SELECT {id}, {run_at}, 'resize', 1, 0 FROM r"
)
PAST, FUTURE = "'2026-01-01T00:00:00.000000Z'", "'2090-01-01T00:00:00.000000Z'"


def fill(url: str, start: int, stop: int, *, scheduled: bool = False) -> None:
    """Put the tasks with these numbers into the line, or among those that wait for their time."""
    for first in range(start, stop, PORTION):
        last = min(first + PORTION, stop)
        if url.startswith("sqlite"):
            _sqlite(url, _statements(SQLITE, ID, first, last, scheduled=scheduled))
        else:
            _postgresql(url, _statements(POSTGRESQL, f"({ID})::uuid", first, last, scheduled=scheduled))
    if not url.startswith("sqlite"):
        _postgresql(url, ["ANALYZE task, ready, scheduled"])


def _statements(rows: str, task_id: str, start: int, stop: int, *, scheduled: bool) -> list[str]:
    run_at = FUTURE if scheduled else PAST
    created_at = PAST
    if "uuid" in task_id:
        run_at, created_at = f"{run_at}::timestamptz", f"{created_at}::timestamptz"
    seq = int(time.time() - 86_400) * 1_000_000  # before whatever comes in from now on
    values = {"id": task_id, "rows": rows.format(start=start, stop=stop), "created_at": created_at, "run_at": run_at}
    return [statement.format(**values, seq=seq) for statement in (TASK, SCHEDULED if scheduled else READY)]


def _sqlite(url: str, statements: list[str]) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as connection:
        connection.execute("PRAGMA synchronous=OFF")  # of this connection alone, and only while it fills
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _postgresql(url: str, statements: list[str]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET synchronous_commit = off")
        for statement in statements:
            connection.execute(statement.encode())
