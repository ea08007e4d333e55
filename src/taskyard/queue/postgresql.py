"""What is one statement on PostgreSQL, written by hand."""

from sqlalchemy import text

# The head of each wanted lane and queue in turn (LATERAL stops as soon as the batch is
# full), locked and passed over where somebody else holds it; MATERIALIZED, so that it is picked exactly once. The pairs
# come as one list: of two lists the planner may read either first, and with it take low priorities before high ones.
# What is paused or draining is asked in subqueries of their own, as a join might change that order, too. Each line is
# read from its mark on (queue/marks.py).
CLAIM = text(
    """
    WITH picked AS MATERIALIZED (
        SELECT head.task_id, wanted.rank, head.pass, head.seq
        FROM unnest(
            CAST(:lanes AS smallint[]), CAST(:queues AS text[]), CAST(:passes AS bigint[]), CAST(:seqs AS bigint[])
        ) WITH ORDINALITY AS wanted (lane, queue, pass, seq, rank)
        CROSS JOIN LATERAL (
            SELECT ready.task_id, ready.pass, ready.seq FROM ready
            WHERE ready.queue = wanted.queue AND ready.lane = wanted.lane
            AND (ready.pass, ready.seq) >= (wanted.pass, wanted.seq)
            ORDER BY ready.pass, ready.seq LIMIT :room
            FOR UPDATE SKIP LOCKED
        ) AS head
        WHERE wanted.queue <> ALL (ARRAY(SELECT queue.name FROM queue WHERE queue.paused_at IS NOT NULL))
        AND NOT EXISTS (
            SELECT FROM worker
            WHERE worker.holder_id = CAST(:holder AS uuid) AND worker.name = :worker AND worker.drain_at IS NOT NULL
        )
        LIMIT :room
    ), gone AS (
        DELETE FROM ready USING picked WHERE ready.task_id = picked.task_id
        RETURNING ready.task_id, ready.queue, ready.lane, ready.attempts
    ), leased AS (
        INSERT INTO lease
            (task_id, token, attempt, queue, lane, worker, holder_id, claim_id, leased_at, expires_at)
        SELECT task_id, replace(gen_random_uuid()::text, '-', ''), attempts + 1, queue, lane,
            :worker, CAST(:holder AS uuid), :claim_id, :now, :expires_at
        FROM gone
    )
    SELECT gone.task_id, picked.rank, picked.pass, picked.seq FROM gone JOIN picked ON picked.task_id = gone.task_id
    ORDER BY picked.rank, picked.pass, picked.seq
    """
)
# Of two that send the same claim_id at once the second must see the first one's leases, so it waits for its commit.
ONE_CLAIM_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(claim, 0))"
    " FROM (SELECT unnest(CAST(:claims AS text[])) AS claim ORDER BY 1) AS ordered"
)
