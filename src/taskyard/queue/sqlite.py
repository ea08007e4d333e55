"""What is written by hand for SQLite, for its driver."""

from typing import NamedTuple

from taskyard.events.tables import EVERYONE
from taskyard.queue.extend import MAX_LOG

# The head of a line with its tasks: a row of `ready`, and what `leases.made_of` takes of its task, if it is there.
HEAD = """
    SELECT ready.task_id, ready.queue, ready.lane, ready.pass, ready.seq, ready.attempts, ready.limit_key,
        ready.fairness_key, task.command, task.command_version, task.queue, task.lane, task.payload, task.tags,
        task.created_at, task.timeout_s, task.max_attempts, task.group_id
    FROM ready LEFT JOIN task ON task.id = ready.task_id
    WHERE ready.queue = ? AND ready.lane = ?
    ORDER BY ready.pass, ready.seq
    LIMIT ?
"""

# CROSS JOIN, as SQLite then reads the tables in the order in which they stand here: it knows nothing of how many are
# sent. It reads plain values out of JSON faster than lists of them, so what all have in common is sent once.
_ALIKE = """
    WITH sent AS (
        SELECT substr(value, 1, 36) AS task_id, substr(value, 38) AS fence, :result AS result, :log AS log
        FROM json_each(:tokens)
    )
"""
_APART = """
    WITH sent AS MATERIALIZED (
        SELECT json_extract(value, '$[0]') AS task_id, json_extract(value, '$[1]') AS fence,
            json_extract(value, '$[2]') AS result, json_extract(value, '$[3]') AS log
        FROM json_each(:sent)
    )
"""
_IDS = "SELECT value FROM json_each(:ids)"


class Settlement(NamedTuple):
    """The statements that settle attempts that succeeded.

    `done` ends the tasks of those that may be settled so and left no log: most often all. Where one did, `attempted`
    writes down those that may be settled so, and `ended` ends their tasks. `freed` tells how many leases are about to
    be `gone`, by queue.
    """

    done: str
    attempted: str
    ended: str
    freed: str
    gone: str


class Settlements(NamedTuple):
    """`alike` for attempts that have one result and one log in common, else `apart`."""

    alike: Settlement
    apart: Settlement


def done(more: str) -> Settlements:
    """The same as `postgresql.done`, under the lock that a writer has on SQLite."""
    return Settlements(_settlement(_ALIKE, more), _settlement(_APART, more))


def _settlement(sent: str, more: str) -> Settlement:
    held = """
        FROM sent CROSS JOIN lease ON lease.task_id = sent.task_id AND lease.token = sent.fence
    """
    plain = f"""
        lease.limit_key IS NULL AND NOT task.followed
        AND NOT EXISTS (SELECT 1 FROM subscription WHERE subscription.owner_id IN (task.owner_id, '{EVERYONE}'))
        AND NOT ({more})
    """  # constants and conditions of ours
    end = f"""
        {sent}
        UPDATE task SET attempts = lease.attempt, outcome = 'succeeded', finished_at = :now, result = sent.result,
            fingerprint = NULL, error = NULL
    """
    done = f"""
        {end}, done_by = lease.worker, begun_at = lease.leased_at
        {held}
        WHERE task.id = sent.task_id AND lease.log = '' AND sent.log = '' AND {plain}
    """
    attempted = f"""
        INSERT INTO attempt (task_id, number, worker, started_at, ended_at, outcome, log)
        {sent}
        SELECT lease.task_id, lease.attempt, lease.worker, lease.leased_at, :now, 'succeeded',
            substr(lease.log || sent.log, -{MAX_LOG})
        {held} CROSS JOIN task ON task.id = sent.task_id
        WHERE {plain}
    """
    ended = f"{end} {held} WHERE task.id = sent.task_id"
    freed = f"SELECT queue, sum(1) FROM lease WHERE task_id IN ({_IDS}) GROUP BY queue"
    return Settlement(done, attempted, ended, freed, f"DELETE FROM lease WHERE task_id IN ({_IDS})")
