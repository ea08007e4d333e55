"""What can be seen of requests, and by whom: a user's own, a moderator's all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, select

from taskyard.core.db import AnyRow, db
from taskyard.core.errors import NotFound
from taskyard.inbox import definitions
from taskyard.inbox.models import request, request_task
from taskyard.inbox.scheme import Scheme
from taskyard.tasks import service as tasks
from taskyard.users.actor import Actor

LISTED = [column for column in request.c if column.name not in {"headers", "body"}]
FILTERS = {"source": request.c.source, "verdict": request.c.verdict, "type": request.c.event_type}


@dataclass(frozen=True, slots=True)
class Seen:
    """A request and the tasks that it has become: their ids, and the places of their routes then."""

    row: AnyRow
    tasks: list[tuple[str, int]]
    scheme: Scheme | None = None  # of its source, which tells where in it credentials are


def get(actor: Actor, request_id: str, *, lock: bool = False) -> Seen:
    """A request, with `lock` as it is now that nobody else can change it.

    Raises:
        NotFound: there is no such request, or it is not the actor's.
    """
    query: Select[Any] = select(request).where(request.c.id == request_id)
    if not actor.sees_all_tasks:
        query = query.where(request.c.owner_id == actor.user_id)
    row = db.session.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound("There is no such request.")
    _, definition = definitions.current(row.source)
    return replace(_with_tasks([row])[0], scheme=definition.preset.scheme if definition else None)


def newest(actor: Actor, query: dict[str, Any], before_id: str | None) -> list[Seen]:
    """Requests from the newest on, without headers and bodies; one more than `limit`. `query` is a loaded RequestQuery.

    Raises:
        Forbidden: a user asks for requests of others.
    """
    owner = tasks.owner_of(actor, query["owner"])
    wanted = select(*LISTED).order_by(request.c.id.desc()).limit(query["limit"] + 1)
    if owner is not None:
        wanted = wanted.where(request.c.owner_id == owner)
    if before_id is not None:
        wanted = wanted.where(request.c.id < before_id)
    if "received_from" in query:
        wanted = wanted.where(request.c.received_at >= query["received_from"])
    if "received_until" in query:
        wanted = wanted.where(request.c.received_at < query["received_until"])
    wanted = wanted.where(*(column == query[name] for name, column in FILTERS.items() if name in query))
    return _with_tasks(db.session.execute(wanted).all())


def _with_tasks(rows: Sequence[AnyRow]) -> list[Seen]:
    made: dict[str, list[tuple[str, int]]] = defaultdict(list)
    if rows:
        ids = [row.id for row in rows]
        linked = select(request_task).where(request_task.c.request_id.in_(ids)).order_by(request_task.c.task_id)
        for one in db.session.execute(linked):
            made[one.request_id].append((one.task_id, one.route))
    return [Seen(row, made[row.id]) for row in rows]
