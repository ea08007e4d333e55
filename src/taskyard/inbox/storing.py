"""What is done in the transaction in which requests are accepted: keys held, tasks stored, requests kept.

One transaction for all that came at once, and the same one for a request and its tasks: both are there or neither is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, bindparam, select

from taskyard.commands import catalogue
from taskyard.core import clock
from taskyard.core.bulk import BulkInsert
from taskyard.core.errors import Fault
from taskyard.core.idempotency import Answer
from taskyard.inbox import repeats, routing
from taskyard.inbox.models import request, request_task
from taskyard.inbox.repeats import Wanted
from taskyard.inbox.routing import Moved, Plan
from taskyard.queue import gates
from taskyard.tasks import storing
from taskyard.tasks.storing import Accepted, Outcome, Submission
from taskyard.users.models import User


@dataclass(frozen=True, slots=True)
class Row:
    """A request as it is stored; each field is a column."""

    id: str
    source_id: str
    source: str
    owner_id: str
    received_at: datetime
    peer: str
    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    size: int
    verdict: str = ""
    reason: str | None = None
    detail: str | None = None
    faults: list[dict[str, str]] | None = None
    event_type: str | None = None
    dedupe_key: str | None = None
    secret_id: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified request, what was planned for it at a revision of the catalogue, and for how long its key counts."""

    row: Row
    plan: Plan
    revision: int
    window_s: int

    @property
    def key(self) -> Wanted | None:
        """The key that it asks for, if any."""
        if self.row.dedupe_key is None or not self.window_s:
            return None
        return Wanted(self.row.source_id, self.row.dedupe_key, self.row.id, self.window_s)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an arrival: the id of the request, an earlier one's where it was sent again."""

    request_id: str
    verdict: str
    queues: list[str] = field(default_factory=list)  # that have got tasks for now


_FIELDS = tuple(Row.__dataclass_fields__)
_INSERT = BulkInsert(request, *_FIELDS)
_LINK = BulkInsert(request_task, "request_id", "task_id", "route")
_OWNERS = select(User.id).where(User.id.in_(bindparam("ids", expanding=True)))


def receive(connection: Connection, arrivals: list[Arrival]) -> list[Kept | None]:
    """Keep requests, and make their tasks; None for one that was planned before the catalogue or its owner changed.

    Raises:
        Moved: it changed meanwhile.
    """
    now, revision = clock.now(), catalogue.revision(connection)
    owners = set(connection.execute(_OWNERS, {"ids": list({one.row.owner_id for one in arrivals})}).scalars())
    fresh = [one for one in arrivals if one.revision == revision and one.row.owner_id in owners]
    first = repeats.hold(connection, [key for one in fresh if (key := one.key) is not None], now)
    new = [one for one in fresh if first.get(one.row.id, one.row.id) == one.row.id]
    kept = {one.row.id: found for one, found in zip(new, _keep(connection, new), strict=True)}
    for one in fresh:
        if one.row.id not in kept:
            kept[one.row.id] = Kept(first[one.row.id], one.plan.verdict)
    return [kept.get(one.row.id) for one in arrivals]


def _keep(connection: Connection, arrivals: Sequence[Arrival]) -> list[Kept]:
    if not arrivals:
        return []
    plans = open_only(connection, [one.plan for one in arrivals])
    tasks = make(connection, plans, arrivals[0].revision)
    rows = [_planned(one.row, plan) for one, plan in zip(arrivals, plans, strict=True)]
    _INSERT.run(connection, [[getattr(row, name) for name in _FIELDS] for row in rows])
    link(connection, [(row.id, plan, made) for row, plan, made in zip(rows, plans, tasks, strict=True)])
    return [
        Kept(row.id, row.verdict, [item.task.queue for item in plan.items if item.task.run_at <= item.task.created_at])
        for row, plan in zip(rows, plans, strict=True)
    ]


def _planned(row: Row, plan: Plan) -> Row:
    if row.verdict:  # it was decided before any route was tried
        return row
    return replace(row, verdict=plan.verdict, faults=[fault.to_dict() for fault in plan.faults] or None)


def open_only(connection: Connection, plans: Sequence[Plan]) -> list[Plan]:
    """The plans; of those that make a task for a closed queue only the refusal."""
    closed = gates.closed(connection) if any(plan.items for plan in plans) else frozenset()
    return [_open(plan, closed) for plan in plans]


def _open(plan: Plan, closed: frozenset[str]) -> Plan:
    shut = [
        Fault(gates.refusal(item.task.queue).detail, pointer=f"/routes/{route}/queue")
        for item, route in zip(plan.items, plan.routes, strict=True)
        if item.task.queue in closed
    ]
    return routing.refused(shut) if shut else plan


def make(connection: Connection, plans: Sequence[Plan], revision: int) -> list[list[str]]:
    """Store the tasks of plans; for each their ids, of one whose unique key is held the holder's.

    Raises:
        Moved: the catalogue is not at this revision any more, or a queue was closed just now.
    """
    made: list[list[str]] = [[] for _ in plans]
    submissions = [
        Submission(plan.items, revision, partial(_note, ids))
        for plan, ids in zip(plans, made, strict=True)
        if plan.items
    ]
    stored = storing.store(connection, submissions) if submissions else []
    if not all(isinstance(one.answer, Answer) for one in stored):
        raise Moved
    return made


def _note(ids: list[str], outcomes: list[Outcome]) -> Answer:
    """Note the tasks that a submission has become."""
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    if len(accepted) < len(outcomes):
        raise Moved
    ids[:] = [one.id for one in accepted]
    return Answer(201, {}, b"")


def link(connection: Connection, made: Sequence[tuple[str, Plan, list[str]]]) -> None:
    """Note which requests have become which tasks: by request, its plan and the ids."""
    rows = [
        (request_id, task_id, route)
        for request_id, plan, ids in made
        # Two routes may have met the same task, by its unique key.
        for task_id, route in dict(zip(ids, plan.routes, strict=True)).items()
    ]
    if rows:
        _LINK.run(connection, rows)
