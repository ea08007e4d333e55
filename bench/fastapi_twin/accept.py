"""From a valid TaskIn to the rows to be stored; what both forms share."""

import re
import time
from datetime import UTC, datetime, timedelta

from bench.fastapi_twin.keys import Actor
from bench.fastapi_twin.models import PRIORITIES, Base, Ready, Scheduled, Tag, Task
from bench.fastapi_twin.schemas import TaskIn
from taskyard.core.ids import new_id

NO_QUEUE_NAME = re.compile(r"[^A-Za-z0-9._:-]")


def accept(actor: Actor, sent: TaskIn) -> tuple[Task, Base]:
    """A new task, and the row by which it waits: for a worker, or for its time."""
    now = datetime.now(UTC)
    run_at = max(sent.run_at or now + timedelta(seconds=sent.delay_s or 0), now)
    task = Task(
        id=new_id(),
        owner_id=actor.user_id,
        command=sent.command,
        command_version=None,
        queue=sent.queue or NO_QUEUE_NAME.sub("-", sent.command).lstrip("._:-") or "default",
        lane=PRIORITIES.index(sent.priority),
        payload=sent.payload,
        tags=sent.tags,
        labels=[Tag(tag=tag) for tag in dict.fromkeys(sent.tags)],
        created_at=now,
        run_at=run_at,
        expires_at=sent.expires_at,
        timeout_s=sent.timeout_s,
        max_attempts=sent.max_attempts,
        max_crashes=sent.max_crashes,
        backoff=None,
        retry_until=None,
        on_lost=sent.on_lost,
        unique_key=None,
        limit_key=None,
        fairness_key=None,
        schedule=None,
        awaited=None,
        on_failure=None,
        group_id=None,
        claims=0,
        failures=0,
        crashes=0,
        outcome=None,
        result=None,
        error=None,
        finished_at=None,
        lease=None,
    )
    place = {"task_id": task.id, "queue": task.queue, "lane": task.lane}
    waits: Base = Scheduled(run_at=run_at, **place) if run_at > now else Ready(seq=time.time_ns() // 1000, **place)
    return task, waits
