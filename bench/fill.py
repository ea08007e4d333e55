"""Filling a database by the million: in SQL, with the rows that enqueue makes."""

import sqlite3
import time
from contextlib import closing
from typing import Any

import psycopg

from taskyard.core import clock
from taskyard.core.types import instant_to_text

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
    ' \'{{"url":"https://example.com/a.png","width":200}}\', \'[]\', {past}, {run_at},'
    " 3600, 5, 3, 'retry' FROM r"
)
READY = "INSERT INTO ready (task_id, queue, lane, seq, attempts) {rows} SELECT {id}, 'resize', 1, {seq} + n, 0 FROM r"
SCHEDULED = (
    "INSERT INTO scheduled (task_id, run_at, queue, lane, attempts) {rows} SELECT {id}, {run_at}, 'resize', 1, 0 FROM r"
)
PAST, FUTURE = "'2026-01-01T00:00:00.000000Z'", "'2090-01-01T00:00:00.000000Z'"


def fill(url: str, start: int, stop: int, *, scheduled: bool = False) -> None:
    """Put the tasks with these numbers into the line, or among those that wait for their time."""
    seq = int(time.time() - 86_400) * 1_000_000  # before whatever comes in from now on
    run_at = "{future}" if scheduled else "{past}"
    statements = [one.replace("{run_at}", run_at) for one in (TASK, SCHEDULED if scheduled else READY)]
    insert(url, start, stop, statements, {"seq": seq}, "task, ready, scheduled")


def insert(url: str, start: int, stop: int, statements: list[str], words: dict[str, Any], tables: str) -> None:
    """Run these for the rows with these numbers, portion by portion; then let PostgreSQL look at the tables.

    In a statement {rows} begins its SELECT, from `r`, in which {id} is the id of number `n`; {past}, {now} and {future}
    are moments.
    """
    sqlite = url.startswith("sqlite")
    kind = "" if sqlite else "::timestamptz"
    moments = {"past": PAST + kind, "now": f"'{instant_to_text(clock.now())}'{kind}", "future": FUTURE + kind}
    words = {"id": ID if sqlite else f"({ID})::uuid", **moments, **words}
    for first in range(start, stop, PORTION):
        rows = (SQLITE if sqlite else POSTGRESQL).format(start=first, stop=min(first + PORTION, stop))
        run(url, [statement.format(rows=rows, **words) for statement in statements])
    if not sqlite:
        run(url, [f"ANALYZE {tables}"])


def run(url: str, statements: list[str]) -> None:
    """Run these in one transaction that need not outlive a crash."""
    if url.startswith("sqlite"):
        _sqlite(url, statements)
    else:
        _postgresql(url, statements)


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
