"""New tasks that wait for others.

Their predecessors' rows are locked, sorted, before anything of theirs is written, so that one that ends at the same
moment either is seen here as ended or sees that it is followed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from taskyard.core.bulk import BulkInsert
from taskyard.core.errors import Conflict
from taskyard.queue import chains
from taskyard.queue.chain_tables import blocked, dependency
from taskyard.queue.enqueue import Link, NewTask, insert_tasks, places_of
from taskyard.queue.lifecycle import Status
from taskyard.queue.portions import portions
from taskyard.queue.ready import put
from taskyard.queue.tables import task
from taskyard.queue.telling import tell
from taskyard.queue.unique import Verdict, Wanted, admit

_HOLD = (
    select(task.c.id, task.c.outcome)
    .where(task.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(task.c.id)
    .with_for_update(key_share=True)
)
_OWN = select(task.c.id).where(
    task.c.id.in_(bindparam("ids", expanding=True)), task.c.owner_id == bindparam("owner_id")
)
_FOLLOW = update(task).where(task.c.id.in_(bindparam("ids", expanding=True)), task.c.followed.is_(False))
_BLOCK = insert(blocked)
_DEPEND = BulkInsert(dependency, "on_id", "task_id")
_FALL = (
    update(task)
    .where(task.c.id == bindparam("of"))
    .values(outcome=Status.CANCELLED.value, finished_at=bindparam("at"), error=bindparam("why"))
)


REFUSED = "A task that it was to wait for was not accepted: "
VANISHED = "A task that it was to wait for has just been deleted. Submit it without that one."


def own(connection: Connection, owner_id: str, ids: list[str]) -> set[str]:
    """Those of the ids that are tasks of this owner."""
    return {
        found
        for portion in portions(ids)
        for found in connection.execute(_OWN, {"ids": portion, "owner_id": owner_id}).scalars()
    }


def store(
    connection: Connection, wanted: list[Wanted], before: Mapping[str, Verdict | Conflict], now: datetime
) -> dict[str, Verdict | Conflict]:
    """Get the keys of new tasks that wait for others, and store them, in their order; what became of each by its id.

    `before` is what became of those of the same call that wait for none.

    Raises:
        Conflict: a task that is to be waited for is not there any more.
    """
    verdicts: dict[str, Verdict | Conflict] = dict(before)
    accepted = []
    for new, unique in wanted:
        link, refusal = _resolved(new.link, verdicts) if new.link is not None else (None, None)
        verdict = refusal or admit(connection, [(new, unique)], now)[new.id]
        if isinstance(verdict, Verdict) and verdict.other is None:
            accepted.append(replace(new, link=link))
        verdicts[new.id] = verdict
    if accepted:
        enqueue(connection, accepted, now)
    return verdicts


def _resolved(link: Link, verdicts: Mapping[str, Verdict | Conflict]) -> tuple[Link, Conflict | None]:
    """With the task that is there already in place of one that was answered with it; or why one is missing."""
    after = []
    for on in link.after:
        verdict = verdicts.get(on, Verdict())
        if isinstance(verdict, Conflict):
            return link, Conflict(REFUSED + verdict.detail)
        if verdict.other is not None and not verdict.instead:
            return link, Conflict(f"{REFUSED}the task {verdict.other.id} has its unique key.")
        after.append(on if verdict.other is None else str(verdict.other.id))
    return replace(link, after=list(dict.fromkeys(after))), None


def enqueue(connection: Connection, tasks: list[NewTask], now: datetime) -> None:
    """Store tasks that wait for others; those may stand before them in the list.

    Raises:
        Conflict: one of those is not there any more.
    """
    outcomes = _held(connection, tasks)
    open_: dict[str, list[str]] = {}
    falling = {}
    for new in tasks:
        after = new.link.after if new.link is not None else []
        ended = {on: outcome for on in after if (outcome := outcomes[on]) is not None}
        on_failure = new.link.on_failure if new.link is not None else None
        fatal = next((on for on, outcome in ended.items() if chains.is_fatal(on_failure, outcome)), None)
        if fatal is not None:
            falling[new.id] = chains.reason(fatal, ended[fatal])
        else:
            open_[new.id] = [on for on in after if on not in ended]
        outcomes[new.id] = Status.CANCELLED if fatal is not None else None
    waiting = [new for new in tasks if open_.get(new.id)]
    insert_tasks(connection, tasks, {new.id for new in waiting})
    if waiting:
        _block(connection, waiting, open_)
    if falling:
        connection.execute(_FALL, [{"of": of, "at": now, "why": why} for of, why in falling.items()])
        tell(connection, list(falling), now)
    free = [new for new in tasks if new.id in open_ and not open_[new.id]]
    put(connection, places_of(free), now)


def _held(connection: Connection, tasks: list[NewTask]) -> dict[str, str | None]:
    """The outcomes of what is waited for, without those that are stored with them."""
    new = {one.id for one in tasks}
    wanted = sorted({on for one in tasks if one.link is not None for on in one.link.after} - new)
    found: dict[str, str | None] = {
        row.id: row.outcome for portion in portions(wanted) for row in connection.execute(_HOLD, {"ids": portion})
    }
    if len(found) < len(wanted):
        raise Conflict(VANISHED)
    return found


def _block(connection: Connection, waiting: list[NewTask], open_: dict[str, list[str]]) -> None:
    rows = [{"task_id": new.id, "queue": new.queue, "left": len(open_[new.id])} for new in waiting]
    connection.execute(_BLOCK, rows)
    _DEPEND.run(connection, [(on, new.id) for new in waiting for on in open_[new.id]])
    for portion in portions(sorted({on for new in waiting for on in open_[new.id]})):
        connection.execute(_FOLLOW.values(followed=True), {"ids": portion})
