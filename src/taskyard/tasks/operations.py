"""What can be done with operations, and by whom: users act on their own tasks, moderators and admins on all."""

from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import Connection, select, update

from taskyard.core import clock
from taskyard.core.db import AnyRow, database, db
from taskyard.core.errors import Conflict, Invalid, NotFound
from taskyard.core.ids import new_id
from taskyard.queue import gates, read
from taskyard.queue.lifecycle import RETRYABLE
from taskyard.tasks import operation_filter
from taskyard.tasks.operation_deeds import payload_of, told
from taskyard.tasks.operation_models import Operation
from taskyard.tasks.patched import Patch
from taskyard.tasks.service import owner_of
from taskyard.users.actor import Actor

COUNTED = 10_000
SAMPLE = 20
TRIED = 100  # payloads that a dry run patches
TRIED_CHARS = 2_000_000  # of them, as nobody is served meanwhile
FITS: dict[str, Callable[[AnyRow], bool]] = {  # what an action does not refuse, by the state of a task
    "retry": lambda one: one.outcome in RETRYABLE,
    "cancel": lambda one: one.outcome is None,
    "delete": lambda one: one.outcome is not None,
    "move": lambda one: one.outcome is None and not one.leased,
}


def start(actor: Actor, sent: dict[str, Any]) -> Operation:
    """Store an operation for the dispatcher to do. `sent` is a loaded OperationIn.

    Raises:
        Forbidden: a user asks for tasks of others.
    """
    operation = Operation(
        owner_id=actor.user_id,
        action=sent["action"],
        filter=operation_filter.stored(sent["filter"], owner_of(actor, sent["filter"]["owner"])),
        arguments={name: sent[name] for name in ("patch", "queue") if name in sent},
        from_id=new_id(),
    )
    db.session.add(operation)
    db.session.flush()
    return operation


def tried(actor: Actor, sent: dict[str, Any]) -> dict[str, Any]:
    """What an operation would find, as DryRunOut shows it. `sent` is a loaded OperationIn.

    Raises:
        Forbidden: a user asks for tasks of others.
    """
    stored = operation_filter.stored(sent["filter"], owner_of(actor, sent["filter"]["owner"]))
    wanted = operation_filter.read(stored)
    with database().read.connect() as connection:
        found = read.states(connection, wanted, clock.now(), limit=COUNTED + 1)
        counted = found[:COUNTED]
        is_closed = sent["action"] == "move" and sent["queue"] in gates.closed(connection)
        ids = [] if is_closed else [one.id for one in counted if FITS[sent["action"]](one)]
        checked, misfits = _trial(connection, sent["patch"], ids[:TRIED]) if "patch" in sent else (0, [])
    counts = {"matched": len(counted), "capped": len(found) > COUNTED, "refused": len(counted) - len(ids)}
    sample = [one.id for one in counted[:SAMPLE]]
    return {**counts, "sample": sample, "checked": checked, "misfits": len(misfits), "faults": misfits[:SAMPLE]}


def _trial(connection: Connection, patch: Any, ids: list[str]) -> tuple[int, list[dict[str, Any]]]:
    """How many payloads were tried, and what is wrong with those that would not fit."""
    patching, faults = Patch(connection, patch), []
    each, chars, tried = len(orjson.dumps(patch)), 0, 0
    for task_id in ids:
        row = payload_of(connection, task_id)
        if row is None:
            continue
        chars += each + len(row.payload)
        if tried and chars > TRIED_CHARS:
            break
        tried += 1
        try:
            patching.change(row)
        except Invalid as error:
            faults.append(told(task_id, error.faults))
    return tried, faults


def get(actor: Actor, operation_id: str) -> Operation:
    """Raises:
    NotFound: there is no such operation, or it is not the actor's.
    """
    query = select(Operation).where(Operation.id == operation_id).execution_options(populate_existing=True)
    if not actor.sees_all_tasks:
        query = query.where(Operation.owner_id == actor.user_id)
    found = db.session.execute(query).scalar()
    if found is None:
        raise NotFound("There is no such operation.")
    return found


def page(actor: Actor, query: dict[str, Any], before_id: str | None) -> list[Operation]:
    """Operations from the newest on; one more than `limit`. `query` is a loaded OperationQuery.

    Raises:
        Forbidden: a user asks for operations of others.
    """
    wanted = select(Operation).order_by(Operation.id.desc()).limit(query["limit"] + 1)
    owner_id = owner_of(actor, query["owner"])
    if owner_id is not None:
        wanted = wanted.where(Operation.owner_id == owner_id)
    if "state" in query:
        wanted = wanted.where(Operation.state == query["state"])
    if before_id is not None:
        wanted = wanted.where(Operation.id < before_id)
    return list(db.session.execute(wanted).scalars())


def pause(actor: Actor, operation_id: str) -> Operation:
    """Raises:
    Conflict: it has ended.
    """
    return _move(actor, operation_id, "paused", from_states=("running",))


def resume(actor: Actor, operation_id: str) -> Operation:
    """Raises:
    Conflict: it has ended.
    """
    return _move(actor, operation_id, "running", from_states=("paused",))


def cancel(actor: Actor, operation_id: str) -> Operation:
    """Stop for good; what it has changed by then stays changed.

    Raises:
        Conflict: it is done.
    """
    return _move(actor, operation_id, "cancelled", from_states=("running", "paused"), finished_at=clock.now())


def _move(actor: Actor, operation_id: str, state: str, *, from_states: tuple[str, ...], **values: Any) -> Operation:
    found = get(actor, operation_id)
    if found.state == state:
        return found
    moved = (
        update(Operation)
        .where(Operation.id == operation_id, Operation.state.in_(from_states))
        .values(state=state, **values)
        .execution_options(synchronize_session=False)
        .returning(Operation.id)  # waits for the slice under way
    )
    was_moved = db.session.execute(moved).first() is not None
    found = get(actor, operation_id)
    if not was_moved and found.state != state:
        raise Conflict(f"The operation is {found.state}.")
    return found
