"""What is written by hand for SQLite."""

from typing import NamedTuple

from sqlalchemy import TextClause, bindparam, text

from taskyard.core.types import Instant
from taskyard.events.tables import EVERYONE
from taskyard.queue.extend import MAX_LOG

# CROSS JOIN, as SQLite then reads the tables in the order in which they stand here: it knows nothing of how many are
# sent. It reads plain values out of JSON faster than lists of them, so what all have in common is sent once.
_HELD = """
    WITH sent AS MATERIALIZED (
        SELECT substr(value, 1, 36) AS task_id, substr(value, 38) AS fence FROM json_each(:tokens)
    )
"""
_ALIKE = "WITH sent AS (SELECT value AS task_id, :result AS result, :log AS log FROM json_each(:ids))"
_APART = """
    WITH sent AS MATERIALIZED (
        SELECT json_extract(value, '$[0]') AS task_id, json_extract(value, '$[1]') AS result,
            json_extract(value, '$[2]') AS log
        FROM json_each(:sent)
    )
"""


# The head of a line with its tasks: a row of `ready`, and what `leases.from_driver` takes of its task, if it is there.
HEAD = """
    SELECT ready.task_id, ready.queue, ready.lane, ready.pass, ready.seq, ready.attempts, ready.limit_key,
        ready.fairness_key, task.command, task.command_version, task.queue, task.lane, task.payload, task.tags,
        task.created_at, task.timeout_s, task.max_attempts, task.group_id
    FROM ready LEFT JOIN task ON task.id = ready.task_id
    WHERE ready.queue = ? AND ready.lane = ?
    ORDER BY ready.pass, ready.seq
    LIMIT ?
"""


class Settlement(NamedTuple):
    """The statements that settle attempts that succeeded. The first tells how many of those sent may be, by queue; the
    others are for all of them: `alike` where they have one result and one log in common, else `apart`."""

    may: TextClause
    alike: list[TextClause]
    apart: list[TextClause]


def done(more: str) -> Settlement:
    """The same as `postgresql.done`, under the lock that a writer has on SQLite."""
    may = f"""
        {_HELD}
        SELECT lease.queue, sum(1) AS leases
        FROM sent CROSS JOIN lease ON lease.task_id = sent.task_id AND lease.token = sent.fence
        CROSS JOIN task ON task.id = sent.task_id
        WHERE lease.limit_key IS NULL AND NOT task.followed
        AND NOT EXISTS (SELECT 1 FROM subscription WHERE subscription.owner_id IN (task.owner_id, '{EVERYONE}'))
        AND NOT ({more})
        GROUP BY lease.queue
    """  # constants and conditions of ours
    return Settlement(text(may), _deeds(_ALIKE), _deeds(_APART))


def _deeds(sent: str) -> list[TextClause]:
    attempted = f"""
        {sent}
        INSERT INTO attempt (task_id, number, worker, started_at, ended_at, outcome, log)
        SELECT lease.task_id, lease.attempt, lease.worker, lease.leased_at, :now, 'succeeded',
            substr(lease.log || sent.log, -{MAX_LOG})
        FROM sent CROSS JOIN lease ON lease.task_id = sent.task_id
    """
    ended = f"""
        {sent}
        UPDATE task SET attempts = lease.attempt, outcome = 'succeeded', finished_at = :now, result = sent.result,
            fingerprint = NULL, error = NULL
        FROM sent CROSS JOIN lease ON lease.task_id = sent.task_id
        WHERE task.id = sent.task_id
    """
    gone = "DELETE FROM lease WHERE task_id IN (SELECT value FROM json_each(:ids))"
    now = bindparam("now", type_=Instant)
    return [text(attempted).bindparams(now), text(ended).bindparams(now), text(gone)]
