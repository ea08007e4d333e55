"""Accepting tasks: from what was sent to what is stored, by way of the catalogue."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from taskyard.commands import catalogue, keys, validation
from taskyard.commands.catalogue import Definition
from taskyard.core import clock
from taskyard.core.db import database
from taskyard.core.errors import Conflict, Fault, Invalid, NotFound, TaskyardError
from taskyard.core.expressions import Failed
from taskyard.core.idempotency import Answer, Once
from taskyard.core.ids import new_id
from taskyard.queue import policy
from taskyard.queue.enqueue import NewTask
from taskyard.queue.lifecycle import LANES
from taskyard.queue.unique import OnConflict, Unique
from taskyard.tasks import render
from taskyard.tasks.links import Links
from taskyard.tasks.results import results
from taskyard.tasks.schemas import MAX_PAYLOAD
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
            item = new_item(actor, sent, definition, now, Links(actor, [sent], alone=True), closed=closed)
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


def new_item(
    actor: Actor,
    sent: dict[str, Any],
    definition: Definition | None,
    now: datetime,
    links: Links,
    *,
    closed: bool,
    show: bool = True,
) -> Item:
    """A task as it will be stored and, where it is to `show`, answered. `sent` is a loaded TaskIn.

    Raises:
        Invalid: the payload does not fit, the command is not registered and the catalogue is `closed`, or a task that
            it is to wait for is not there.
    """
    misnamed = links.faults(sent)
    try:
        task = new_task(actor.user_id, sent, definition, now, closed=closed)
    except Invalid as error:
        raise Invalid([*error.faults, *misnamed]) from None
    if misnamed:
        raise Invalid(misnamed)
    if (link := links.link(sent)) is not None:
        task = replace(task, link=link)
    return Item(task, _unique(sent.get("unique"), now), orjson.dumps(render.new_task(task)) if show else b"")


def _unique(sent: dict[str, Any] | None, now: datetime) -> Unique | None:
    if sent is None:
        return None
    until = now + timedelta(seconds=sent["window_s"]) if "window_s" in sent else None
    return Unique(sent["key"], sent["while_"], until, OnConflict(sent["on_conflict"]))


def new_task(
    owner_id: str, sent: dict[str, Any], definition: Definition | None, now: datetime, *, closed: bool
) -> NewTask:
    """The task that a loaded TaskIn asks for, checked against this definition of its command; nothing is stored.

    Raises:
        Invalid: the payload is too large or does not fit, or the catalogue is closed and does not have the command.
    """
    command = sent["command"]
    if definition is None and closed:
        raise Invalid([Fault("This command is not registered, and the catalogue is closed.", pointer="/command")])
    priority = sent.get("priority") or (definition.priority if definition else "normal")
    if (expires_at := sent.get("expires_at")) is not None and expires_at <= now:
        raise Invalid([Fault("Must be in the future.", pointer="/expires_at")])
    run_at = sent.get("run_at") or now + timedelta(seconds=sent.get("delay_s", 0))
    timeout_s = sent.get("timeout_s") or (definition and definition.timeout_s) or policy.DEFAULT_TIMEOUT_S
    max_attempts = sent.get("max_attempts") or (definition and definition.max_attempts) or policy.DEFAULT_MAX_ATTEMPTS
    starts_at = max(run_at, now)
    backoff = sent.get("backoff") or (definition.backoff if definition else None)
    return NewTask(
        id=new_id(),
        owner_id=owner_id,
        unique_key=sent["unique"]["key"] if "unique" in sent else None,
        command=command,
        command_version=definition.schema_version if definition else None,
        payload=checked_payload(sent["payload"], definition),
        queue=sent.get("queue") or (definition and definition.queue) or own_queue(command),
        lane=LANES[priority],
        tags=list(dict.fromkeys(sent["tags"])),
        created_at=now,
        run_at=starts_at,
        expires_at=expires_at,
        timeout_s=timeout_s,
        max_attempts=max_attempts,
        max_crashes=sent.get("max_crashes") or (definition and definition.max_crashes) or policy.MAX_CRASHES,
        backoff=backoff,
        retry_until=policy.retry_until(backoff, starts_at),
        on_lost=sent.get("on_lost") or (definition.on_lost if definition else policy.OnLost.RETRY),
        limit_key=_key("limit_key", sent, definition.limit_key if definition else None),
        fairness_key=_key("fairness_key", sent, definition.fairness_key if definition else None),
    )


def _key(name: str, sent: dict[str, Any], expression: str | None) -> str | None:
    """A key of a new task: its own, else what its command's expression finds in the payload.

    Raises:
        Invalid: what that finds can be no key.
    """
    if name in sent or expression is None:
        return sent.get(name)
    try:
        return keys.found(keys.compiled(expression), sent["payload"])
    except Failed as error:
        raise Invalid([Fault(f"The command's {name}: {error}", pointer="/payload")]) from error


@lru_cache(maxsize=1024)
def own_queue(command: str) -> str:
    """The queue named after a command; a queue's name has fewer characters to choose from than a command's."""
    allowed = (c if c.isascii() and (c.isalnum() or c in "._:-") else "-" for c in command)
    return "".join(allowed).lstrip("._:-") or "default"


def checked_payload(value: Any, definition: Definition | None) -> str:
    """The payload as JSON text.

    Raises:
        Invalid: it is too large, or does not fit the command's schema.
    """
    text = orjson.dumps(value)
    if len(text) > MAX_PAYLOAD:
        raise Invalid([Fault(f"The payload is larger than {MAX_PAYLOAD // 1024} KiB.", pointer="/payload")])
    if definition is not None and definition.payload is not None:
        found = validation.faults(definition.payload, value, "/payload", len(text))
        if found:
            raise Invalid(found)
    return text.decode()
