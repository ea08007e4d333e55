"""Requests once more: verified after a secret was mended, routed after a route was."""

from ipaddress import ip_address

from sqlalchemy import update

from taskyard.core import clock, transaction
from taskyard.core.aside import aside
from taskyard.core.db import AnyRow, database, db
from taskyard.core.errors import Conflict
from taskyard.inbox import definitions, doctor, handshake, planning, repeats, requests, storing
from taskyard.inbox.definitions import Definition
from taskyard.inbox.finding import Finding
from taskyard.inbox.models import request
from taskyard.inbox.received import Received
from taskyard.inbox.receiving import ADVICE, TOO_LARGE
from taskyard.inbox.requests import Seen
from taskyard.inbox.routing import Moved
from taskyard.inbox.storing import Arrival, Row
from taskyard.inbox.verdicts import ANSWERED, REJECTED
from taskyard.inbox.verify import verify as verdict_on
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor
from taskyard.web.wire import within

BUSY = "Its source or a command was changed at the same moment. Try again."


def verify(actor: Actor, request_id: str, *, closed: bool) -> Seen:
    """Verify a rejected request with the secrets that its source has now, as of when it came; if it holds, route it.

    Raises:
        NotFound: there is no such request, or it is not the actor's.
        Conflict: it was not rejected, or cannot be verified, or was sent again and taken meanwhile.
    """
    row = _rejected(actor, request_id)
    if row.reason == TOO_LARGE:
        raise Conflict("Its body was not kept, as it was too large. Raise max_body, and have it sent again.")
    definition = _definition(row)
    received = _received(row)
    if definition.networks and not (row.peer and within(ip_address(row.peer), definition.networks)):
        raise Conflict("It came from an address that is in none of the source's networks.")
    verdict = verdict_on(definition.preset.scheme, definition.secrets, received, row.received_at)
    secret_id = None if verdict.secret is None else definition.secret_ids[verdict.secret]
    if not verdict.ok:
        _rejected(actor, request_id, lock=True)
        _change(row.id, reason=verdict.reason.value, detail=verdict.sentence, secret_id=secret_id)
        return requests.get(actor, request_id)
    # Whoever asked whether somebody is there has gone: it is noted, and no task is made of it, as when it came.
    answered = handshake.after(definition.preset, received) is not None
    arrival = _arrival(row, received, ANSWERED if answered else "", closed=closed)
    _rejected(actor, request_id, lock=True)  # only now: nothing is worked out while others wait for the lock
    wanted = [] if arrival.key is None else [arrival.key]
    holder = repeats.hold(db.session.connection(), wanted, clock.now()).get(row.id, row.id)
    if holder != row.id:
        raise Conflict(f"It was sent again, and taken as the request {holder}.")
    _route(arrival, secret_id=secret_id, reason=None, detail=None)
    return requests.get(actor, request_id)


def _rejected(actor: Actor, request_id: str, *, lock: bool = False) -> AnyRow:
    row = requests.get(actor, request_id, lock=lock).row
    if row.verdict != REJECTED:
        raise Conflict(f"Only a rejected request can be verified again; this one is {row.verdict}.")
    return row


def diagnose(actor: Actor, request_id: str) -> list[Finding]:
    """What is wrong with a rejected request, and what would put it right, as its source is now.

    Raises:
        NotFound: there is no such request, or it is not the actor's.
        Conflict: it was not rejected, or its source is gone.
    """
    row = requests.get(actor, request_id).row
    if row.verdict != REJECTED:
        raise Conflict(f"Only a rejected request has something wrong with it; this one is {row.verdict}.")
    if row.reason in ADVICE:
        return [Finding(row.reason, row.detail, ADVICE[row.reason])]
    definition = _definition(row)
    scheme, secrets, received = definition.preset.scheme, definition.secrets, _received(row)
    return aside(lambda: doctor.diagnose(scheme, secrets, received, row.received_at))


def replay(actor: Actor, request_id: str, *, closed: bool) -> Seen:
    """Make the tasks of a request anew, as the routes are now.

    Raises:
        NotFound: there is no such request, or it is not the actor's.
        Conflict: it was rejected, or its source is gone.
    """
    row = requests.get(actor, request_id).row
    if row.verdict == REJECTED:
        raise Conflict("It was rejected. Mend the source, then POST to /verify beside this path.")
    arrival = _arrival(row, _received(row), closed=closed)
    requests.get(actor, request_id, lock=True)
    _route(arrival)
    return requests.get(actor, request_id)


def _definition(row: AnyRow) -> Definition:
    _, definition = definitions.current(row.source)
    if definition is None or definition.id != row.source_id:
        raise Conflict("Its source is gone.")
    return definition


def _received(row: AnyRow) -> Received:
    headers = [(name, value) for name, value in row.headers]
    return Received(row.method, row.path, row.query, headers, bytes(row.body))


def _row(row: AnyRow, verdict: str) -> Row:
    """With this verdict; "" where it is found anew."""
    kept = {name: getattr(row, name) for name in Row.__dataclass_fields__ if name not in {"verdict", "faults"}}
    return Row(**kept, verdict=verdict)


def _arrival(row: AnyRow, received: Received, verdict: str = "", *, closed: bool) -> Arrival:
    """Raises:
    Conflict: its source is gone.
    """
    while True:
        revision, _ = definitions.current(row.source)
        definition = _definition(row)
        try:
            return planning.arrival(definition, _row(row, verdict), received, revision, clock.now(), closed=closed)
        except Moved:
            definitions.forget()


def _route(arrival: Arrival, **columns: str | None) -> None:
    """Make the tasks of a request that is there already."""
    connection = db.session.connection()
    [plan] = storing.open_only(connection, [arrival.plan])
    try:
        [made] = storing.make(connection, [plan], arrival.revision)
    except Moved as error:
        raise Conflict(BUSY) from error
    storing.link(connection, [(arrival.row.id, plan, made)])
    faults = [fault.to_dict() for fault in plan.faults] or None
    kept = {name: getattr(arrival.row, name) for name in ("headers", "query", "event_type", "dedupe_key")}
    _change(arrival.row.id, verdict=plan.verdict, faults=faults, **kept, **columns)
    queues = [item.task.queue for item in plan.items if item.task.run_at <= item.task.created_at]
    transaction.afterwards(lambda: waiting(database()).wake(queues))


def _change(request_id: str, **columns: object) -> None:
    db.session.execute(update(request).where(request.c.id == request_id).values(**columns))
