"""Accepting many tasks in one transaction: all or none of them, or each for itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
from marshmallow import ValidationError

from taskyard.commands import catalogue
from taskyard.core import clock
from taskyard.core.db import database
from taskyard.core.errors import Conflict, Fault, Invalid, TaskyardError
from taskyard.core.idempotency import Answer, Once
from taskyard.core.ids import new_ids
from taskyard.tasks import submission
from taskyard.tasks.batch_schemas import MOST, TASKS
from taskyard.tasks.links import Links
from taskyard.tasks.moulds import Mould
from taskyard.tasks.results import results
from taskyard.tasks.storing import Accepted, Item, Outcome, Submission, accept
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor
from taskyard.web import kinds, preferences
from taskyard.web.parser import faults_in
from taskyard.web.schema import Schema

Loaded = dict[str, Any] | Invalid
Checked = Item | Invalid


def submit(
    actor: Actor, sent: list[Any], once: Once | None, *, atomic: bool, closed: bool = False, minimal: bool = False
) -> Answer:
    """Accept tasks. `sent` are TaskIns as they were sent, or the Invalid that reading one raised.

    The answer shows each task, or no more than its id where it is to be `minimal`.

    Raises (where they are `atomic`, and so none of them is accepted):
        Invalid: some of them are wrong; lists every fault of each. Or there are too many, atomic or not.
        Conflict: another task has the unique key of one of them.
    """
    loaded = [load(one, at(index)) for index, one in enumerate(sent)]
    count = sum(1 if isinstance(one, Invalid) else len(one.get("payloads", "1")) for one in loaded)
    if count > MOST:
        raise Invalid([Fault(f"Come to {count:,} with their payloads; at most {MOST:,}.", pointer="/tasks")])
    asked = [task for index, one in enumerate(loaded) for task in tasks_of(one, at(index))]
    whole = partial(_all_or_none, asked=asked) if atomic else _each
    while True:
        revision, checked = check(actor, asked, closed=closed, show=not minimal)
        refused = [fault for one in checked if isinstance(one, Invalid) for fault in one.faults]
        if atomic and refused:
            if catalogue.is_newest(revision):
                raise Invalid(list(dict.fromkeys(refused)))
        else:
            items = [one for one in checked if isinstance(one, Item)]
            stored = accept(Submission(items, revision, _filling(checked, partial(whole, minimal=minimal)), once))
            if stored.answer is not None:
                break
        catalogue.forget()  # it has changed since this process last looked: check again
    if isinstance(stored.answer, TaskyardError):
        raise stored.answer
    results(database()).wake(stored.replaced)
    waiting(database()).wake([one.task.queue for one in items if one.task.run_at <= one.task.created_at])
    return stored.answer


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Asked:
    """A task that is asked for: a loaded TaskIn, and its payload; the one of this number, where there are several."""

    sent: dict[str, Any]
    payload: Any
    at: str  # in the body
    number: int | None = None

    def pointer(self, inside: str = "") -> str:
        """Where something inside of it stands in the body."""
        if self.number is not None and inside.startswith("/payload"):
            return f"{self.at}/payloads/{self.number}{inside.removeprefix('/payload')}"
        return self.at + inside


def load(sent: Any, at: str, schema: Schema = TASKS) -> Loaded:
    """What stands there in the body, or what is wrong with it."""
    try:
        if isinstance(sent, Invalid):
            raise sent
        loaded: dict[str, Any] = schema.load(sent)
    except ValidationError as error:
        return _within(Invalid(list(faults_in(error.messages))), at.__add__)
    except Invalid as error:
        return _within(error, at.__add__)
    return loaded


def tasks_of(loaded: Loaded, at: str) -> list[Asked | Invalid]:
    """A task, or as many as there are payloads."""
    if isinstance(loaded, Invalid):
        return [loaded]
    if "payloads" in loaded:
        return [Asked(loaded, payload, at, number) for number, payload in enumerate(loaded["payloads"])]
    return [Asked(loaded, loaded["payload"], at)]


def _within(error: Invalid, pointer: Callable[[str], str]) -> Invalid:
    """The faults of a task as faults of the whole body."""
    return Invalid([replace(fault, pointer=pointer(fault.pointer or "")) for fault in error.faults])


def at(index: int) -> str:
    return f"/tasks/{index}"


def check(actor: Actor, asked: list[Asked | Invalid], *, closed: bool, show: bool = True) -> tuple[int, list[Checked]]:
    """New tasks or what is wrong with them, and the oldest revision of the catalogue that they were checked against."""
    commands = {one.sent["command"] for one in asked if isinstance(one, Asked)}
    known = {command: catalogue.remembered(command) for command in commands}
    revisions = [found[0] for found in known.values()]
    now = clock.now()
    checked: list[Checked] = []
    links = Links(actor, [one.sent for one in asked if isinstance(one, Asked)])
    mould = None
    for one, task_id in zip(asked, new_ids(len(asked)), strict=True):
        found: Checked
        if isinstance(one, Invalid):
            found = one
        else:
            if mould is None or mould.sent is not one.sent:  # those of one list of payloads have one
                mould = Mould(actor.user_id, one.sent, known[one.sent["command"]][1], now, closed=closed)
            try:
                found = submission.new_item(task_id, one.payload, mould, links, show=show)
            except Invalid as error:
                found = _within(error, one.pointer)
        links.accepted(found.task.id if isinstance(found, Item) else None)
        checked.append(found)
    return min(revisions) if revisions else catalogue.newest_revision(), checked


def _filling(checked: list[Checked], whole: Callable[[list[Outcome | Invalid]], Answer | TaskyardError]) -> Any:
    """Put what became of the items between those that were none."""

    def answer(outcomes: list[Outcome]) -> Answer | TaskyardError:
        following = iter(outcomes)
        return whole([one if isinstance(one, Invalid) else next(following) for one in checked])

    return answer


def _all_or_none(
    outcomes: list[Outcome | Invalid], *, asked: list[Asked | Invalid], minimal: bool
) -> Answer | TaskyardError:
    for one, of in zip(outcomes, asked, strict=True):
        if isinstance(one, Conflict) and isinstance(of, Asked):
            return Conflict(f"{of.pointer()}: {one.detail} Nothing of this batch was accepted.")
    return _each(outcomes, minimal=minimal)


def _each(outcomes: list[Outcome | Invalid], *, minimal: bool) -> Answer:
    headers = {"Preference-Applied": preferences.MINIMAL} if minimal else {}
    return Answer(200, headers, orjson.dumps({"tasks": [_told(one, minimal) for one in outcomes]}))


def _told(outcome: Outcome | Invalid, minimal: bool) -> dict[str, Any]:
    if isinstance(outcome, Accepted):
        shown = {} if minimal else {"task": orjson.Fragment(outcome.shown)}
        return {"status": outcome.status, "id": outcome.id, **shown, "problem": None}
    kind = kinds.KINDS[type(outcome)]
    faults = outcome.faults if isinstance(outcome, Invalid) else None
    return {"status": kind.status, "problem": orjson.Fragment(kinds.body(kind, outcome.detail, faults))}
