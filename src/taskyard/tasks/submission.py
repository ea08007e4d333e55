"""Accepting tasks: from what was sent to what is stored, by way of the catalogue."""

from datetime import datetime, timedelta
from typing import Any

import orjson

from taskyard.commands import catalogue
from taskyard.core import clock
from taskyard.core.db import database
from taskyard.core.errors import Conflict, Invalid, NotFound, TaskyardError
from taskyard.core.idempotency import Answer, Once
from taskyard.core.ids import new_id
from taskyard.queue.unique import OnConflict, Unique
from taskyard.tasks import render
from taskyard.tasks.links import Links
from taskyard.tasks.moulds import Mould
from taskyard.tasks.results import results
from taskyard.tasks.storing import Item, Outcome, Submission, accept
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor


def submit(actor: Actor, sent: dict[str, Any], once: Once | None = None, *, closed: bool = False) -> Answer:
    """Accept a task. `sent` is a loaded TaskIn; `closed` refuses commands that are not in the catalogue.

    Raises:
        Invalid: the payload is too large or does not fit the command's schema.
        Conflict: another task has its unique key, its queue is closed, or what it waits for is deleted meanwhile.
        Repeated: `once` was used by a call that committed in the meantime.
    """
    while True:
        revision, definition = catalogue.remembered(sent["command"])
        now = clock.now()
        try:
            mould = Mould(actor.user_id, sent, definition, now, closed=closed)
            item = new_item(new_id(), sent["payload"], mould, Links(actor, [sent], alone=True))
        except Invalid:
            if catalogue.is_newest(revision):
                raise
        else:
            stored = accept(Submission([item], revision, answer, once))
            if stored.answer is not None:
                break
        catalogue.forget()  # it has changed since this process last looked: check again
    if isinstance(stored.answer, TaskyardError):
        raise stored.answer
    results(database()).wake(stored.replaced)
    if item.task.run_at <= now:
        waiting(database()).wake([item.task.queue])
    return stored.answer


def answer(outcomes: list[Outcome]) -> Answer | Conflict:
    """What became of the only task."""
    [one] = outcomes
    return one if isinstance(one, Conflict) else Answer(one.status, {"Location": f"/v1/tasks/{one.id}"}, one.shown)


def submit_registered(
    actor: Actor, name: str, sent: dict[str, Any], once: Once | None = None, *, closed: bool = False
) -> Answer:
    """Accept a task of a registered command. `sent` is a loaded CommandTaskIn; raises also what `submit` does.

    Raises:
        NotFound: there is no such command.
    """
    if "\0" in name or catalogue.definition(name) is None:
        raise NotFound("There is no such command.")
    return submit(actor, {**sent, "command": name}, once, closed=closed)


def new_item(task_id: str, payload: Any, mould: Mould, links: Links, *, show: bool = True) -> Item:
    """A task as it will be stored and, where it is to `show`, answered.

    Raises:
        Invalid: the payload does not fit, the command is not registered and the catalogue is closed, or a task that
            it is to wait for is not there.
    """
    misnamed = links.faults(mould.sent)
    try:
        task = mould.task(task_id, payload)
    except Invalid as error:
        raise Invalid([*error.faults, *misnamed]) from None
    if misnamed:
        raise Invalid(misnamed)
    task.link = links.link(mould.sent)
    unique = _unique(mould.sent.get("unique"), task.created_at)
    return Item(task, unique, orjson.dumps(render.new_task(task)) if show else b"")


def _unique(sent: dict[str, Any] | None, now: datetime) -> Unique | None:
    if sent is None:
        return None
    until = now + timedelta(seconds=sent["window_s"]) if "window_s" in sent else None
    return Unique(sent["key"], sent["while_"], until, OnConflict(sent["on_conflict"]))
