"""Claiming: a worker takes tasks from the head of its queues, for a time, with a token each."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from taskyard.core import driver, plans
from taskyard.core.lists import postgresql_array
from taskyard.queue import gates, leases, postgresql
from taskyard.queue.lanes import first_to_lower
from taskyard.queue.leases import Claim, Lease, Taken
from taskyard.queue.lifecycle import LANES, PRIORITIES
from taskyard.queue.marks import Line, Marks, Place
from taskyard.queue.steps import Got, Steps
from taskyard.queue.tokens import FENCE_BYTES

__all__ = ["Claim", "claim", "claim_alone"]

# A large claim is taken in rounds, larger ones once its payloads are seen to be small. It gets no more of them once
# they come to so much, as an answer is held in memory by the server and by the worker; nor once the claims of its
# transaction have got so many, as nobody else may write meanwhile on SQLite.
ROUND = 100
LATER = 3  # times as many
SMALL = 1_000  # characters of a payload, on average
MOST_CHARS = 8_000_000
MOST_TASKS = 2_000


def claim(connection: Connection, claims: list[Claim], now: datetime, marks: Marks | None = None) -> list[Taken]:
    """Lease up to `limit` tasks to each, higher priorities first; the same claim_id gets the same leases again.

    Of more than a ROUND it may get fewer. PostgreSQL begins at the `marks`; without any, at the front.
    """
    named = [f"{wanted.holder_id} {wanted.claim_id}" for wanted in claims if wanted.claim_id is not None]
    if connection.dialect.name == "postgresql":
        plans.one_for_all_values_here(connection)
        if named:
            connection.execute(postgresql.ONE_CLAIM_AT_A_TIME, {"claims": named})
    marks = marks or Marks()
    taken: dict[int, Taken] = {}
    rest = list(range(len(claims)))
    while rest:  # one that was sent twice at once sees what the first of the two got
        firsts: dict[Any, int] = {}
        for index in rest:
            firsts.setdefault(_key(claims[index], index), index)
        got = _claim(connection, [claims[index] for index in firsts.values()], now, marks)
        taken.update(zip(firsts.values(), got, strict=True))
        rest = [index for index in rest if index not in taken]
    return [taken[index] for index in range(len(claims))]


def _key(wanted: Claim, index: int) -> Any:
    return index if wanted.claim_id is None else (wanted.holder_id, wanted.claim_id)


def _claim(connection: Connection, claims: list[Claim], now: datetime, marks: Marks) -> list[Taken]:
    """The same for claims whose ids differ."""
    hands = [_Hand(wanted, leases.held(connection, wanted, now)) for wanted in claims]
    steps = Steps(connection, {queue for wanted in claims for queue in wanted.queues}, now)
    hungry, total = hands, 0
    while hungry:
        found: dict[str, Lease] = {}
        for hand in hungry:
            if not hand.ids:
                got = _take(connection, hand.wanted, hand.room, now, steps, marks)
                hand.ids, hand.taken.draining, hand.taken.cut = got.ids, got.draining, got.cut
                found |= got.read
        found |= leases.read(connection, [task_id for hand in hungry for task_id in hand.ids if task_id not in found])
        total += len(found)
        hungry = [hand for hand in hungry if hand.wants_more(found) and not steps.limits(hand.wanted.queues)]
        if total >= MOST_TASKS:
            break
    steps.end()
    return [hand.taken for hand in hands]


def claim_alone(connection: Connection, wanted: Claim, now: datetime, marks: Marks) -> Taken | None:
    """The same for a single claim on PostgreSQL, without a transaction, as one statement takes the tasks.

    None: it takes more than that, and nothing was done. Of queues that are found to have limits it takes nothing; they
    are remembered.
    """
    limited = gates.seen_limited(connection)
    if wanted.claim_id is not None or wanted.limit > ROUND or not limited.isdisjoint(wanted.queues):
        return None
    got = _take_postgresql(connection, wanted, wanted.limit, now, marks)
    limited.update(got.limited)
    if got.limited and not got.ids:
        return None
    found = got.read | leases.read(connection, [task_id for task_id in got.ids if task_id not in got.read])
    return Taken([found[task_id] for task_id in got.ids if task_id in found], got.draining)


class _Hand:
    """A claim on its way: it takes a round of tasks at a time. A repeat gets what it `held` before, nothing more."""

    def __init__(self, wanted: Claim, held: list[str]) -> None:
        self.wanted = wanted
        self.ids = held  # to be read
        self.taken = Taken([])
        self._chars = 0
        self._over = bool(held)

    @property
    def room(self) -> int:
        """How many it takes at a time."""
        got = len(self.taken.leases)
        small = got and self._chars <= SMALL * got
        return min(LATER * ROUND if small else ROUND, self.wanted.limit - got)

    def wants_more(self, found: dict[str, Lease]) -> bool:
        """Put what was taken in its place. False: that was all."""
        over = self._over or len(self.ids) < self.room
        got = [found[task_id] for task_id in self.ids if task_id in found]
        self.taken.leases += got
        self.taken.leases.sort(key=lambda lease: LANES[lease.priority])
        self._chars += sum(len(lease.payload) for lease in got)
        self.ids = []
        return not over and self.room > 0 and self._chars < MOST_CHARS


def _take(connection: Connection, wanted: Claim, room: int, now: datetime, steps: Steps, marks: Marks) -> Got:
    if steps.needed(wanted.queues):
        return steps.take(wanted, room)
    got = _take_postgresql(connection, wanted, room, now, marks)
    if got.limited:
        steps.learn(got.limited)
        rest = steps.take(wanted, room - len(got.ids))
        got.ids += rest.ids
        got.cut = rest.cut
    return got


def _take_postgresql(connection: Connection, wanted: Claim, room: int, now: datetime, marks: Marks) -> Got:
    lines = [(lane, queue) for lane in PRIORITIES for queue in wanted.queues]
    places = marks.places(lines)
    values = _values(wanted, room, now, lines, places)
    got, heads = Got([]), dict[int, Place]()
    for rank, pass_, seq, limited, draining, changed, *of in driver.rows(connection, postgresql.CLAIM, values):
        if limited is not None:
            got.limited.append(limited)
        elif draining:
            got.draining = True
        else:
            one = leases.made_of(values["expires_at"], *of)
            got.ids.append(one.task_id)
            heads.setdefault(rank - 1, (pass_, seq))  # they come in their order
            if not changed:
                got.read[one.task_id] = one
    for index, head in heads.items():
        marks.advance(lines[index], places[index], head, now)
    return got


def _values(wanted: Claim, room: int, now: datetime, lines: list[Line], places: list[Place]) -> dict[str, Any]:
    first = first_to_lower(room)
    return {
        "lanes": postgresql_array([lane for lane, _ in lines]),
        "queues": postgresql_array([queue for _, queue in lines]),
        "passes": postgresql_array([pass_ for pass_, _ in places]),
        "seqs": postgresql_array([seq for _, seq in places]),
        "first_lanes": postgresql_array([lane for lane, _ in first]),
        "first_rooms": postgresql_array([number for _, number in first]),
        "room": room,
        "worker": wanted.worker,
        "holder": wanted.holder_id,
        "claim_id": wanted.claim_id,
        "drawn": secrets.token_bytes(room * FENCE_BYTES),
        "now": now,
        "expires_at": wanted.expires_at(now),
    }
