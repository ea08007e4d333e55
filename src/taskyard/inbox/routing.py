"""What a request becomes: its routes are tried, and the tasks of those that match are made ready to be stored.

All or none: where one of the tasks does not fit, none is made, so that a replay makes each of them once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from taskyard.commands import catalogue
from taskyard.commands.catalogue import Definition
from taskyard.core.errors import Fault, Invalid
from taskyard.core.expressions import Expression, Failed, Purse
from taskyard.core.json import storable
from taskyard.inbox.verdicts import ROUTED, UNROUTABLE, UNROUTED
from taskyard.queue.unique import OPEN, OnConflict, Unique
from taskyard.tasks import moulds
from taskyard.tasks.storing import Item

MOST_KEY_CHARS = 200
MOST_FAULTS = 100  # that are kept of a request


class Moved(Exception):
    """The catalogue is not (any longer) at the revision that is worked with: look everything up anew."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route with its expressions compiled."""

    filter: Expression | None
    payload: Expression
    unique_key: Expression | None
    task: dict[str, Any]  # the rest of a loaded TaskIn


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a request; `items` and `routes` (their places) go together."""

    verdict: str
    items: list[Item]
    routes: list[int]
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What expressions see of a request, and what all of them together may spend on it."""

    request: dict[str, Any]
    purse: Purse


def refused(faults: Sequence[Fault]) -> Plan:
    return Plan(UNROUTABLE, [], [], list(faults)[:MOST_FAULTS])


def plan(
    owner_id: str, routes: Sequence[Route], request: dict[str, Any], revision: int, now: datetime, *, closed: bool
) -> Plan:
    """The tasks that the routes make of a request. `request` is what expressions see; `closed` refuses commands that
    are not in the catalogue.

    Raises:
        Moved: the catalogue is not at this revision.
    """
    seen = _Seen(request, Purse())
    faults: list[Fault] = []
    items: dict[int, Item] = {}
    for index, route in enumerate(routes):
        try:
            if _matches(route, seen, index):
                items[index] = _item(owner_id, route, seen, _definition(route, revision), now, index, closed=closed)
        except Invalid as error:
            faults += error.faults
    if faults:
        return refused(faults)
    return Plan(ROUTED if items else UNROUTED, list(items.values()), list(items), [])


def _matches(route: Route, seen: _Seen, index: int) -> bool:
    try:
        return route.filter is None or route.filter.holds(seen.request, seen.purse)
    except Failed as error:
        raise Invalid([_fault(index, "filter", str(error))]) from error


def _definition(route: Route, revision: int) -> Definition | None:
    found, definition = catalogue.remembered(route.task["command"])
    if found != revision:
        raise Moved
    return definition


def _item(
    owner_id: str,
    route: Route,
    seen: _Seen,
    definition: Definition | None,
    now: datetime,
    index: int,
    *,
    closed: bool,
) -> Item:
    """Raises:
    Invalid: the task cannot be made; lists every fault.
    """
    faults: list[Fault] = []
    payload = _result(route.payload, seen, index, "payload", faults)
    key = None if route.unique_key is None else _key(route.unique_key, seen, index, faults)
    sent = {**route.task, "payload": payload, **({} if key is None else {"unique": {"key": key}})}
    try:
        task = moulds.new_task(owner_id, sent, definition, now, closed=closed)
    except Invalid as error:
        at = f"/routes/{index}"
        failed = {fault.pointer for fault in faults}  # what could not be worked out need not fit as well
        found = [replace(fault, pointer=f"{at}{fault.pointer}") for fault in error.faults]
        faults += [fault for fault in found if f"{at}/payload" not in failed or "/payload" not in str(fault.pointer)]
        raise Invalid(faults) from error
    if faults:
        raise Invalid(faults)
    return Item(task, None if key is None else Unique(key, OPEN, None, OnConflict.RETURN), b"")


def _result(expression: Expression, seen: _Seen, index: int, name: str, faults: list[Fault]) -> Any:
    """What an expression gives; None, and a fault more, where that is nothing JSON can hold."""
    try:
        value = expression.search(seen.request, seen.purse)
        storable(value)
    except Failed as error:
        faults.append(_fault(index, name, str(error)))
    except Invalid as error:
        faults.append(_fault(index, name, error.faults[0].detail))
    else:
        return value
    return None


def _key(expression: Expression, seen: _Seen, index: int, faults: list[Fault]) -> str | None:
    key = _result(expression, seen, index, "unique_key", faults)
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if key is None or (isinstance(key, str) and 0 < len(key) <= MOST_KEY_CHARS and key.strip()):
        return key
    detail = f"The result is no text of 1 to {MOST_KEY_CHARS} characters, no whole number and not null."
    faults.append(_fault(index, "unique_key", detail))
    return None


def _fault(index: int, field: str, detail: str) -> Fault:
    return Fault(detail, pointer=f"/routes/{index}/{field}")
