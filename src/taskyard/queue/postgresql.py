"""What is one statement on PostgreSQL, written by hand; CLAIM and `done` as psycopg takes it (core/driver.py)."""

from sqlalchemy import text

from taskyard.events.tables import EVERYONE
from taskyard.queue.extend import MAX_LOG
from taskyard.queue.tokens import FENCE_BYTES

# The head of each wanted lane and queue in turn (LATERAL stops as soon as the batch is full), locked and passed over
# where somebody else holds it; MATERIALIZED, so that it is picked exactly once. The pairs are one list: of two lists
# the planner may read either first, and take low priorities before high ones. What is paused, limited or draining is
# asked in subqueries of their own, as a join might change that order, too. Each line is read from its mark on
# (queue/marks.py). `early` is what lower lanes get first (queue/lanes.py). What is picked is deleted by a list of ids:
# for a join, a plan made while the table was empty reads all of it. Queues that have limits are named in the answer:
# they are claimed step by step (queue/steps.py). That the worker drains is told by a row of its own.
# The tasks are read as they were when the statement began, which may be before the lock on `ready` was got: one whose
# row has an xmax may have been changed in between. Each is looked up by itself: PostgreSQL expects ten, whatever is
# asked for, and would compare each of hundreds with each. The fences are cut out of bytes that are sent: to draw
# a UUID for each takes three to ten times as long.
_HEAD = """
            SELECT ready.task_id FROM ready
            WHERE ready.queue = wanted.queue AND ready.lane = wanted.lane
            AND (ready.pass, ready.seq) >= (wanted.pass, wanted.seq)
"""
_NOTHING = ", ".join(["NULL"] * 13)  # in place of a lease

CLAIM = f"""
    WITH draining AS MATERIALIZED (
        SELECT FROM worker
        WHERE worker.holder_id = CAST(%(holder)s AS uuid) AND worker.name = %(worker)s AND worker.drain_at IS NOT NULL
    ), wanted AS MATERIALIZED (
        SELECT wanted.*
        FROM unnest(
            CAST(%(lanes)s AS smallint[]), CAST(%(queues)s AS text[]),
            CAST(%(passes)s AS bigint[]), CAST(%(seqs)s AS bigint[])
        ) WITH ORDINALITY AS wanted (lane, queue, pass, seq, rank)
        WHERE wanted.queue <> ALL (ARRAY(
            SELECT queue.name FROM queue WHERE queue.paused_at IS NOT NULL OR queue.limited
        ))
        AND NOT EXISTS (SELECT FROM draining)
    ), early AS MATERIALIZED (
        SELECT heads.*
        FROM unnest(CAST(%(first_lanes)s AS smallint[]), CAST(%(first_rooms)s AS integer[])) AS first (lane, room)
        CROSS JOIN LATERAL (
            SELECT head.task_id
            FROM wanted CROSS JOIN LATERAL (
                {_HEAD} ORDER BY ready.pass, ready.seq LIMIT first.room FOR UPDATE SKIP LOCKED
            ) AS head
            WHERE wanted.lane = first.lane
            LIMIT first.room
        ) AS heads
        LIMIT %(room)s
    ), late AS MATERIALIZED (
        SELECT head.task_id
        FROM wanted CROSS JOIN LATERAL (
            {_HEAD} AND ready.task_id <> ALL (ARRAY(SELECT early.task_id FROM early))
            ORDER BY ready.pass, ready.seq LIMIT %(room)s FOR UPDATE SKIP LOCKED
        ) AS head
        LIMIT %(room)s - (SELECT coalesce(sum(1), 0) FROM early)
    ), picked AS (
        SELECT * FROM early UNION ALL SELECT * FROM late
    ), gone AS (
        DELETE FROM ready WHERE ready.task_id = ANY (ARRAY(SELECT picked.task_id FROM picked))
        RETURNING ready.*
    ), taken AS MATERIALIZED (
        SELECT gone.*, encode(substring(
            CAST(%(drawn)b AS bytea) FROM ({FENCE_BYTES} * (row_number() OVER () - 1) + 1)::integer FOR {FENCE_BYTES}
        ), 'hex') AS fence
        FROM gone
    ), leased AS (
        INSERT INTO lease
            (task_id, token, attempt, queue, lane, worker, holder_id, claim_id, leased_at, expires_at, limit_key,
            fairness_key)
        SELECT task_id, fence, attempts + 1, queue, lane,
            %(worker)s, CAST(%(holder)s AS uuid), %(claim_id)s, %(now)s, %(expires_at)s, limit_key, fairness_key
        FROM taken
    )
    SELECT wanted.rank, taken.pass, taken.seq, NULL, false, task.changed, taken.task_id, taken.fence,
        taken.attempts + 1, task.command, task.command_version, taken.queue, taken.lane, task.payload, task.tags,
        task.created_at, task.timeout_s, task.max_attempts, task.group_id
    FROM taken JOIN wanted ON wanted.queue = taken.queue AND wanted.lane = taken.lane
    CROSS JOIN LATERAL (
        SELECT task.*, task.xmax <> '0'::xid AS changed FROM task WHERE task.id = taken.task_id LIMIT 1
    ) AS task
    UNION ALL
    SELECT 0, 0, 0, queue.name, false, false, {_NOTHING} FROM queue
    WHERE queue.limited AND queue.name = ANY (CAST(%(queues)s AS text[]))
    UNION ALL
    SELECT 0, 0, 0, NULL, true, false, {_NOTHING} FROM draining
    ORDER BY 1, 2, 3
    """  # constants

# Of two that send the same claim_id at once the second must see the first one's leases, so it waits for its commit.
ONE_CLAIM_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(claim, 0))"
    " FROM (SELECT unnest(CAST(:claims AS text[])) AS claim ORDER BY 1) AS ordered"
)


def done(more: str) -> str:
    """The statement that settles attempts that succeeded: all of those that are sent, or none where one is not held,
    has a limit key, is waited for or listened to (as `publish.heard` has it), or where `more`, a condition on `task`,
    is to be done.

    It locks all leases, then all tasks, each in the order of their ids, as every settlement does. What another has
    changed meanwhile is seen as it is then: PostgreSQL looks at locked rows again. So tasks are found by id and not by
    place, which would be the place of what they were. The list of ids beside the join keeps a plan that was made while
    the table was empty from reading all of it.
    """
    return f"""
        WITH sent AS MATERIALIZED (
            SELECT * FROM unnest(
                CAST(%(ids)s AS uuid[]), CAST(%(fences)s AS text[]),
                CAST(%(results)s AS text[]), CAST(%(logs)s AS text[])
            ) AS sent (task_id, fence, result, log)
        ), held AS MATERIALIZED (
            SELECT lease.task_id, lease.token, lease.limit_key FROM lease
            WHERE lease.task_id = ANY (CAST(%(ids)s AS uuid[]))
            ORDER BY lease.task_id FOR UPDATE
        ), plain AS MATERIALIZED (
            SELECT task.id FROM task
            WHERE task.id = ANY (CAST(%(ids)s AS uuid[]))
            AND (
                SELECT sum(1) FROM held JOIN sent ON sent.task_id = held.task_id AND sent.fence = held.token
                WHERE held.limit_key IS NULL
            ) = %(count)s
            AND NOT task.followed
            AND NOT EXISTS (
                SELECT FROM subscription WHERE subscription.owner_id IN (task.owner_id, CAST('{EVERYONE}' AS uuid))
            )
            AND NOT ({more})
            ORDER BY task.id FOR NO KEY UPDATE OF task
        ), gone AS (
            DELETE FROM lease
            WHERE lease.task_id = ANY (ARRAY(SELECT plain.id FROM plain WHERE (SELECT sum(1) FROM plain) = %(count)s))
            RETURNING lease.*
        ), over AS MATERIALIZED (
            SELECT gone.*, sent.result, right(gone.log || sent.log, {MAX_LOG}) AS whole_log
            FROM gone JOIN sent ON sent.task_id = gone.task_id
        ), attempted AS (
            INSERT INTO attempt (task_id, number, worker, started_at, ended_at, outcome, log)
            SELECT task_id, attempt, worker, leased_at, %(now)s, 'succeeded', whole_log FROM over WHERE whole_log <> ''
        ), ended AS (
            UPDATE task SET attempts = over.attempt, outcome = 'succeeded', finished_at = %(now)s, result = over.result,
                fingerprint = NULL, error = NULL,
                done_by = CASE WHEN over.whole_log = '' THEN over.worker END,
                begun_at = CASE WHEN over.whole_log = '' THEN over.leased_at END
            FROM over
            WHERE task.id = over.task_id AND task.id = ANY (CAST(%(ids)s AS uuid[]))
        )
        SELECT queue, sum(1) AS leases FROM gone GROUP BY queue
        """  # constants and conditions of ours
