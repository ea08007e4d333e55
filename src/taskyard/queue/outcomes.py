"""Writing down what became of tasks, many at once: the fastest way each database has."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from taskyard.core.lists import postgresql_array
from taskyard.core.types import instant_to_text


class Became(NamedTuple):
    """What an attempt has made of its task; `outcome` and `finished_at` are None where it goes on."""

    attempts: int
    failed: int  # 1: it counts as a failure
    crashed: int
    outcome: str | None
    finished_at: datetime | None
    run_at: datetime | None  # None: as it was
    result: str | None
    fingerprint: str | None
    keeps_error: int
    error: str | None
    task_id: str


_SQLITE = """
    UPDATE task SET attempts = ?, failures = failures + ?, crashes = crashes + ?, outcome = ?, finished_at = ?,
        run_at = coalesce(?, run_at), result = ?, fingerprint = ?, error = CASE WHEN ? THEN error ELSE ? END
    WHERE id = ?
"""
# An array for each column: row by row the round trips and index look-ups cost twice as much. Each task is looked up by
# its id (LIMIT: no join is made of that) and changed where it stands, locked as it is: a join might read all tasks,
# by a plan that was made when there were none.
_POSTGRESQL = text(
    """
    UPDATE task SET
        attempts = became.attempts,
        failures = task.failures + became.failed,
        crashes = task.crashes + became.crashed,
        outcome = became.outcome,
        finished_at = became.finished_at,
        run_at = coalesce(became.run_at, task.run_at),
        result = became.result,
        fingerprint = became.fingerprint,
        error = CASE WHEN became.keeps_error = 1 THEN task.error ELSE became.error END
    FROM (
        SELECT * FROM unnest(
            CAST(:attempts AS integer[]), CAST(:failed AS integer[]), CAST(:crashed AS integer[]),
            CAST(:outcome AS text[]), CAST(:finished_at AS timestamptz[]), CAST(:run_at AS timestamptz[]),
            CAST(:result AS text[]), CAST(:fingerprint AS text[]), CAST(:keeps_error AS integer[]),
            CAST(:error AS text[]), CAST(:task_id AS uuid[])
        ) AS made (
            attempts, failed, crashed, outcome, finished_at, run_at, result, fingerprint, keeps_error, error, task_id
        )
        CROSS JOIN LATERAL (SELECT task.ctid AS place FROM task WHERE task.id = made.task_id LIMIT 1) AS held
    ) AS became
    WHERE task.ctid = became.place
    """
)


def write(connection: Connection, rows: list[Became]) -> None:
    if connection.dialect.name == "postgresql":
        columns = zip(Became._fields, zip(*rows, strict=True), strict=True)
        connection.execute(_POSTGRESQL, {name: postgresql_array(values) for name, values in columns})
        return
    connection.exec_driver_sql(
        _SQLITE, [(*row[:4], _text(row.finished_at), _text(row.run_at), *row[6:]) for row in rows]
    )


def _text(at: datetime | None) -> Any:
    return None if at is None else instant_to_text(at)
