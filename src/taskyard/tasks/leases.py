"""What workers do: claim tasks, keep them, settle them. After the claim the lease's token alone authorises."""

import random
from collections.abc import Callable, Generator
from typing import Any

from sqlalchemy import Connection

from taskyard.core import clock, transaction
from taskyard.core.db import database
from taskyard.queue.claim import Claim, claim, claim_alone
from taskyard.queue.extend import Beat, Extension, extend
from taskyard.queue.leases import Taken
from taskyard.queue.marks import marks
from taskyard.queue.tokens import parts
from taskyard.tasks import roll_call
from taskyard.tasks.waiting import Rest, bell, waiting
from taskyard.users.actor import Actor

SPREAD = 0.1  # of a wait: what began together, as workers do after a restart, would ask together for ever


def take(actor: Actor, sent: dict[str, Any], gone: Callable[[], bool]) -> Generator[Rest, None, Taken]:
    """Lease tasks to a worker, in steps where it asked to wait for one. `sent` is a loaded ClaimIn.

    Raises:
        Forbidden: the actor may not work on one of the queues.
    """
    queues = list(dict.fromkeys(sent["queues"]))
    actor.require_queues(queues)
    wanted = Claim(actor.user_id, sent["worker"], queues, sent["limit"], sent["lease_s"], sent.get("claim_id"))
    roll_call.note(database(), wanted.holder_id, wanted.worker, queues)
    found = Taken([])

    def attempt() -> bool:
        nonlocal found
        found = transaction.batch(database(), _claim, wanted, _claim_alone)
        while found.cut and not found.leases and not gone():
            found = transaction.batch(database(), _claim, wanted, _claim_alone)
        return bool(found.leases) or found.draining

    if sent["wait"]:
        rung = bell(wanted.holder_id, wanted.worker)
        wait_s = sent["wait"] * random.uniform(1 - SPREAD, 1)
        yield from waiting(database()).rounds([*queues, rung], attempt, wait_s, gone)
    else:
        attempt()
    return found


def keep(sent: list[dict[str, Any]]) -> list[Beat]:
    """Extend leases. `sent` are loaded ExtensionIns; the answers are in their order."""
    extensions = [
        Extension(*parts(one["token"]), one["lease_s"], one.get("progress"), one.get("note"), one.get("log"))
        for one in sent
    ]
    return transaction.batch(database(), _extend, extensions)


def _claim(connection: Connection, claims: list[Claim]) -> list[Taken]:
    return claim(connection, claims, clock.now(), marks(database()))


def _claim_alone(connection: Connection, claims: list[Claim]) -> list[Taken] | None:
    if len(claims) > 1:
        return None
    taken = claim_alone(connection, claims[0], clock.now(), marks(database()))
    return None if taken is None else [taken]


def _extend(connection: Connection, calls: list[list[Extension]]) -> list[list[Beat]]:
    beats = iter(extend(connection, [one for call in calls for one in call], clock.now()))
    return [[next(beats) for _ in call] for call in calls]
