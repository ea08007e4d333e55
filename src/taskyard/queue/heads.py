"""Which queues have something for a worker: one look for all that is waited for, at the heads of the lines alone."""

from datetime import datetime

import orjson
from sqlalchemy import Connection, bindparam, text

from taskyard.core.types import Instant
from taskyard.queue.lifecycle import PRIORITIES
from taskyard.queue.marks import Marks

_POSTGRESQL = text(
    """
    SELECT DISTINCT wanted.queue
    FROM unnest(
        CAST(:lanes AS smallint[]), CAST(:queues AS text[]), CAST(:passes AS bigint[]), CAST(:seqs AS bigint[])
    ) AS wanted (lane, queue, pass, seq)
    CROSS JOIN LATERAL (
        SELECT FROM ready
        WHERE ready.queue = wanted.queue AND ready.lane = wanted.lane
        AND (ready.pass, ready.seq) >= (wanted.pass, wanted.seq)
        ORDER BY ready.pass, ready.seq LIMIT 1
    ) AS head
    WHERE wanted.queue <> ALL (ARRAY(
        SELECT queue.name FROM queue WHERE queue.paused_at IS NOT NULL
        UNION ALL SELECT limit_key.queue FROM limit_key WHERE limit_key.key = '' AND limit_key.wake_at > :now
    ))
    """
).bindparams(bindparam("now", type_=Instant))
_SQLITE = text(
    """
    SELECT wanted.value FROM json_each(:queues) AS wanted
    WHERE EXISTS (SELECT 1 FROM ready WHERE ready.queue = wanted.value)
    AND wanted.value NOT IN (
        SELECT queue.name FROM queue WHERE queue.paused_at IS NOT NULL
        UNION ALL SELECT limit_key.queue FROM limit_key WHERE limit_key.key = '' AND limit_key.wake_at > :now
    )
    """
).bindparams(bindparam("now", type_=Instant))


def with_work(connection: Connection, queues: list[str], marks: Marks, now: datetime) -> list[str]:
    """Those of these queues in which a task is ready, and that are neither paused nor known to be full."""
    if connection.dialect.name == "sqlite":
        return list(connection.execute(_SQLITE, {"queues": orjson.dumps(queues).decode(), "now": now}).scalars())
    lines = [(lane, queue) for queue in queues for lane in PRIORITIES]
    places = marks.places(lines)
    values = {
        "lanes": [lane for lane, _ in lines],
        "queues": [queue for _, queue in lines],
        "passes": [pass_ for pass_, _ in places],
        "seqs": [seq for _, seq in places],
        "now": now,
    }
    return list(connection.execute(_POSTGRESQL, values).scalars())
