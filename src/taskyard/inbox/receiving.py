"""A webhook comes in: who sent it, whether it is authentic, what it becomes; stored, and then answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

import orjson

from taskyard.commands import catalogue
from taskyard.core import clock, transaction
from taskyard.core.aside import aside
from taskyard.core.db import database
from taskyard.core.errors import Forbidden, Limited, NotFound, TooLarge, Unauthenticated
from taskyard.core.idempotency import Answer
from taskyard.core.ids import new_id
from taskyard.inbox import definitions, handshake, planning, rejections, storing
from taskyard.inbox.bucket import Buckets
from taskyard.inbox.definitions import Definition
from taskyard.inbox.received import Received
from taskyard.inbox.routing import Moved
from taskyard.inbox.storing import Kept, Row
from taskyard.inbox.verdict import Verdict
from taskyard.inbox.verdicts import ANSWERED, REJECTED
from taskyard.inbox.verify import verify
from taskyard.tasks.waiting import waiting
from taskyard.web.wire import Address, within

NETWORK, TOO_LARGE = "network", "too_large"
ADVICE = {  # for what is refused before anything is verified
    NETWORK: "Add the address to the source's networks, if it is the sender's; behind a proxy set trusted proxies.",
    TOO_LARGE: "Raise the source's max_body, and have it sent again: its body was not kept.",
}
RATES = "inbox.rates"
MUCH = 1024 * 1024  # bytes to hash: about a millisecond


class WrongMethod(Exception):
    """The source takes other methods."""

    def __init__(self, methods: Sequence[str]) -> None:
        super().__init__(", ".join(methods))
        self.methods = list(methods)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request of which all but the body has been read; `read` reads that, up to so many bytes.

    `read` raises TooLarge where there are more: before it reads anything, if the length is `announced`.
    """

    peer: Address | None
    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    read: Callable[[int], bytes]
    announced: bool


def receive(name: str, incoming: Incoming, *, closed: bool) -> Answer:
    """Take a request in, and make its tasks. `closed` refuses tasks of commands that are not in the catalogue.

    Raises:
        NotFound: there is no such source.
        WrongMethod: it does not take this method.
        Forbidden: the source does not listen to this address.
        Limited: too many come.
        TooLarge: the body is larger than the source takes.
        Unauthenticated: it could not be verified.
    """
    while True:
        revision, definition = definitions.remembered(name)
        try:
            if definition is None:
                _check(revision)
                raise NotFound("There is no such source.")
            return _receive(definition, revision, incoming, closed=closed)
        except Moved:
            definitions.forget()


def _check(revision: int) -> None:
    """Go on only if what this process remembers still holds. What is stored is held to it when it is.

    Raises:
        Moved: it does not.
    """
    if not catalogue.is_newest(revision):
        raise Moved


def _receive(definition: Definition, revision: int, incoming: Incoming, *, closed: bool) -> Answer:
    if incoming.method not in definition.preset.methods:
        _check(revision)
        raise WrongMethod(definition.preset.methods)
    row = _row(definition, incoming)
    _admit(definition, revision, row, incoming)
    received = _read(definition, revision, row, incoming)
    row = replace(row, body=received.body, size=len(received.body))
    return _take(definition, revision, row, received, closed=closed)


def _row(definition: Definition, incoming: Incoming) -> Row:
    return Row(
        id=new_id(),
        source_id=definition.id,
        source=definition.name,
        owner_id=definition.owner_id,
        received_at=clock.now(),
        peer=str(incoming.peer or ""),
        method=incoming.method,
        path=incoming.path,
        query=incoming.query,
        headers=incoming.headers,
        body=b"",
        size=0,
    )


def _admit(definition: Definition, revision: int, row: Row, incoming: Incoming) -> None:
    if definition.networks and (incoming.peer is None or not within(incoming.peer, definition.networks)):
        _check(revision)
        _reject(row, NETWORK, f"It came from {row.peer or 'a socket file'}, which is in none of the source's networks.")
        raise Forbidden("This source does not listen to the address that the request came from.")
    if definition.rate is not None:
        rates = database().kept(RATES, Buckets)
        wait_s = rates.take(definition.id, definition.rate["count"], definition.rate["per_s"])
        if wait_s:
            _check(revision)
            raise Limited("Too many requests for this source.", retry_after_s=ceil(wait_s))


def _read(definition: Definition, revision: int, row: Row, incoming: Incoming) -> Received:
    try:
        body = incoming.read(definition.max_body)
    except TooLarge:
        if incoming.announced:  # nothing has been read yet, so it can be tried with another limit
            _check(revision)
        else:
            definitions.forget()
        _reject(row, TOO_LARGE, f"Its body is larger than the {definition.max_body:,} bytes that this source takes.")
        raise
    return Received(incoming.method, incoming.path, incoming.query, incoming.headers, body)


def _reject(row: Row, reason: str, sentence: str, secret_id: str | None = None) -> None:
    rejections.keep(replace(row, verdict=REJECTED, reason=reason, detail=sentence, secret_id=secret_id))


def _take(definition: Definition, revision: int, row: Row, received: Received, *, closed: bool) -> Answer:
    now = clock.now()
    asked = handshake.before(definition.preset, definition.secrets, received, now)
    if asked is not None:  # anybody may ask, so nothing is kept of it
        _check(revision)
        return asked
    verdict = _judged(definition, received, now)
    secret_id = None if verdict.secret is None else definition.secret_ids[verdict.secret]
    if not verdict.ok:
        _check(revision)
        _reject(row, verdict.reason, verdict.sentence, secret_id)
        raise Unauthenticated(f"The request could not be verified: {verdict.reason}.")
    answer = handshake.after(definition.preset, received)
    found = replace(row, secret_id=secret_id, verdict="" if answer is None else ANSWERED)
    arrival = planning.arrival(definition, found, received, revision, now, closed=closed)
    kept = transaction.batch(database(), storing.receive, arrival)
    if kept is None:
        raise Moved
    waiting(database()).wake(kept.queues)
    return answer or _answer(definition, kept)


def _judged(definition: Definition, received: Received, now: datetime) -> Verdict:
    """25 MiB and ten secrets are 0.3 s of hashing, which anybody may cause."""

    def judge() -> Verdict:
        return verify(definition.preset.scheme, definition.secrets, received, now)

    return aside(judge) if len(received.body) * len(definition.secrets) > MUCH else judge()


def _answer(definition: Definition, kept: Kept) -> Answer:
    respond = definition.respond
    if respond is None:
        shown = b"" if definition.preset.ack_empty else orjson.dumps({"id": kept.request_id})
        return Answer(200, {"Content-Type": "application/json"} if shown else {}, shown)
    headers = {"Content-Type": respond["content_type"], **respond["headers"]}
    return Answer(respond["status"], headers, respond["body"].encode())
