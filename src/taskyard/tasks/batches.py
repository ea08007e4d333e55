"""Accepting many tasks in one transaction: all or none of them, or each for itself."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from marshmallow import ValidationError

from taskyard.commands import catalogue
from taskyard.core import clock
from taskyard.core.db import database
from taskyard.core.errors import Conflict, Invalid, TaskyardError
from taskyard.core.idempotency import Answer, Once
from taskyard.tasks import submission
from taskyard.tasks.batch_schemas import TASK
from taskyard.tasks.links import Links
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
        Invalid: some of them are wrong; lists every fault of each.
        Conflict: another task has the unique key of one of them.
    """
    loaded = [load(one, at(index)) for index, one in enumerate(sent)]
    whole = partial(_all_or_none if atomic else _each, minimal=minimal)
    while True:
        revision, checked = check(actor, loaded, closed=closed, show=not minimal)
        refused = [fault for one in checked if isinstance(one, Invalid) for fault in one.faults]
        if atomic and refused:
            if catalogue.is_newest(revision):
                raise Invalid(refused)
        else:
            items = [one for one in checked if isinstance(one, Item)]
            stored = accept(Submission(items, revision, _filling(checked, whole), once))
            if stored.answer is not None:
                break
        catalogue.forget()  # it has changed since this process last looked: check again
    if isinstance(stored.answer, TaskyardError):
        raise stored.answer
    results(database()).wake(stored.replaced)
    waiting(database()).wake([one.task.queue for one in items if one.task.run_at <= one.task.created_at])
    return stored.answer


def load(sent: Any, at: str, schema: Schema = TASK) -> Loaded:
    """A task that stands there in the body, or what is wrong with it."""
    try:
        if isinstance(sent, Invalid):
            raise sent
        loaded: dict[str, Any] = schema.load(sent)
    except ValidationError as error:
        return _within(Invalid(list(faults_in(error.messages))), at)
    except Invalid as error:
        return _within(error, at)
    return loaded


def _within(error: Invalid, at: str) -> Invalid:
    """The faults of a task as faults of the whole body."""
    return Invalid([replace(fault, pointer=f"{at}{fault.pointer or ''}") for fault in error.faults])


def at(index: int) -> str:
    return f"/tasks/{index}"


def check(
    actor: Actor, loaded: list[Loaded], *, closed: bool, at: Callable[[int], str] = at, show: bool = True
) -> tuple[int, list[Checked]]:
    """New tasks or what is wrong with them, and the oldest revision of the catalogue that they were checked against."""
    commands = {one["command"] for one in loaded if not isinstance(one, Invalid)}
    known = {command: catalogue.remembered(command) for command in commands}
    revisions = [found[0] for found in known.values()]
    now = clock.now()
    checked: list[Checked] = []
    links = Links(actor, [one for one in loaded if not isinstance(one, Invalid)])
    for index, one in enumerate(loaded):
        found: Checked
        try:
            if isinstance(one, Invalid):
                found = one
            else:
                definition = known[one["command"]][1]
                found = submission.new_item(actor, one, definition, now, links, closed=closed, show=show)
        except Invalid as error:
            found = _within(error, at(index))
        links.accepted(found.task.id if isinstance(found, Item) else None)
        checked.append(found)
    return min(revisions) if revisions else catalogue.newest_revision(), checked


def _filling(checked: list[Checked], whole: Callable[[list[Outcome | Invalid]], Answer | TaskyardError]) -> Any:
    """Put what became of the items between those that were none."""

    def answer(outcomes: list[Outcome]) -> Answer | TaskyardError:
        following = iter(outcomes)
        return whole([one if isinstance(one, Invalid) else next(following) for one in checked])

    return answer


def _all_or_none(outcomes: list[Outcome | Invalid], *, minimal: bool) -> Answer | TaskyardError:
    for index, one in enumerate(outcomes):
        if isinstance(one, Conflict):
            return Conflict(f"/tasks/{index}: {one.detail} Nothing of this batch was accepted.")
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
