"""New tasks that wait for others.

Their predecessors' rows are locked, sorted, before anything of theirs is written, so that one that ends at the same
moment either is seen here as ended or sees that it is followed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from taskyard.core.bulk import BulkInsert
from taskyard.core.errors import Conflict
from taskyard.queue import chains, unique
from taskyard.queue.chain_tables import blocked, dependency
from taskyard.queue.enqueue import Link, NewTask, insert_tasks, places_of
from taskyard.queue.lifecycle import Status
from taskyard.queue.portions import portions
from taskyard.queue.ready import put
from taskyard.queue.tables import task
from taskyard.queue.telling import tell
from taskyard.queue.unique import Verdict, Wanted

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
    """Get the keys of new tasks, some of which wait for others, and store them; what became of each by its id.

    In their order, but what is locked is locked first, in the one order: all the keys, then all that is waited for.
    `before` is what became of those of the same call that are not even asked.

    Raises:
        Conflict: a task that is to be waited for is not there any more.
    """
    runs = list(_runs(wanted))
    if several := any(key is not None for run in runs[1:] for _, key in run):  # a single run locks its keys in order
        unique.hold(connection, wanted)
    verdicts: dict[str, Verdict | Conflict] = dict(before)
    for turn, run in enumerate(runs):
        asked = []
        for new, key in run:
            link, refusal = _resolved(new.link, verdicts) if new.link is not None else (None, None)
            if refusal is not None:
                verdicts[new.id] = refusal
            else:
                asked.append((replace(new, link=link), key))
        found = unique.admit(connection, asked, now)
        if turn == 0:
            _hold_others(connection, wanted)
        if accepted := [new for new, _ in asked if found[new.id].other is None]:
            enqueue(connection, accepted, now)
        verdicts |= found
    if several:
        unique.let_go(connection, [new.id for new, key in wanted if key is not None and not _is_new(verdicts[new.id])])
    return verdicts


def _hold_others(connection: Connection, wanted: list[Wanted]) -> None:
    """Lock all that is waited for and was there before this call."""
    named = {on for new, _ in wanted if new.link is not None for on in new.link.after}
    for portion in portions(sorted(named - {new.id for new, _ in wanted})):
        connection.execute(_HOLD, {"ids": portion})


def _is_new(verdict: Verdict | Conflict) -> bool:
    return isinstance(verdict, Verdict) and verdict.other is None


def _runs(wanted: list[Wanted]) -> Iterator[list[Wanted]]:
    """Tasks that are stored together: none asks for a key of another, nor waits for one of which a key decides."""
    run: list[Wanted] = []
    keys: set[tuple[str, str]] = set()
    undecided: set[str] = set()
    for new, key in wanted:
        waits = new.link is not None and not undecided.isdisjoint(new.link.after)
        if waits or (key is not None and (new.owner_id, key.key) in keys):
            yield run
            run, keys, undecided = [], set(), set()
        run.append((new, key))
        if key is not None:
            keys.add((new.owner_id, key.key))
            undecided.add(new.id)
    yield run


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
