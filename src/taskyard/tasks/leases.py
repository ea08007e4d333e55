"""What workers do: claim tasks, keep them, settle them. After the claim the lease's token alone authorises."""

from collections.abc import Callable, Generator
from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.commands import catalogue
from taskyard.core import clock, transaction
from taskyard.core.db import database
from taskyard.core.errors import Fault, Invalid
from taskyard.core.ids import NIL
from taskyard.queue.claim import Claim, claim, claim_alone
from taskyard.queue.extend import Beat, Extension, extend
from taskyard.queue.leases import Taken
from taskyard.queue.lifecycle import OUTCOMES, Status
from taskyard.queue.marks import marks
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report, Settled, settle
from taskyard.queue.tokens import split_token
from taskyard.tasks import roll_call
from taskyard.tasks.fitting import Reported, fitting
from taskyard.tasks.lease_schemas import MAX_RESULT
from taskyard.tasks.results import results
from taskyard.tasks.waiting import Rest, bell, waiting
from taskyard.users.actor import Actor

MAX_ERROR = 64 * 1024  # bytes of JSON
NO_TASK = NIL  # what a token that is none stands for: never held


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
        return bool(found.leases) or found.draining

    if sent["wait"]:
        rung = bell(wanted.holder_id, wanted.worker)
        yield from waiting(database()).rounds([*queues, rung], attempt, sent["wait"], gone)
    else:
        attempt()
    return found


def keep(sent: list[dict[str, Any]]) -> list[Beat]:
    """Extend leases. `sent` are loaded ExtensionIns; the answers are in their order."""
    extensions = [
        Extension(*_split(one["token"]), one["lease_s"], one.get("progress"), one.get("note"), one.get("log"))
        for one in sent
    ]
    return transaction.batch(database(), _extend, extensions)


def report(sent: list[dict[str, Any]]) -> list[tuple[Settled, list[Fault]]]:
    """Settle leases. `sent` are loaded ReportIns; the answers are in their order, with the faults of the result.

    A result that does not fit its command's schema fails the attempt.
    """
    reports = [(_report(one, f"/leases/{index}"), one.get("result")) for index, one in enumerate(sent)]
    settled = transaction.batch(database(), _settle, reports)
    waiting(database()).wake([queue for one, _ in settled for queue in one.ready])
    ended = [of.task_id for (of, _), (one, _) in zip(reports, settled, strict=True) if one.status in OUTCOMES]
    results(database()).wake(ended)
    return settled


def _claim(connection: Connection, claims: list[Claim]) -> list[Taken]:
    return claim(connection, claims, clock.now(), marks(database()))


def _claim_alone(connection: Connection, wanted: Claim) -> Taken | None:
    return claim_alone(connection, wanted, clock.now(), marks(database()))


def _extend(connection: Connection, calls: list[list[Extension]]) -> list[list[Beat]]:
    beats = iter(extend(connection, [one for call in calls for one in call], clock.now()))
    return [[next(beats) for _ in call] for call in calls]


def _settle(connection: Connection, calls: list[list[Reported]]) -> list[list[tuple[Settled, list[Fault]]]]:
    checked = fitting(connection, [one for call in calls for one in call], catalogue.checks)
    settled = settle(connection, [report for report, _ in checked], clock.now())
    # Who no longer holds the lease is told nothing of the schema.
    told = [faults if one.status is not None else [] for one, (_, faults) in zip(settled, checked, strict=True)]
    answers = iter(zip(settled, told, strict=True))
    return [[next(answers) for _ in call] for call in calls]


def _split(token: str) -> tuple[str, str]:
    return split_token(token) or (NO_TASK, "")


def _report(sent: dict[str, Any], at: str) -> Report:
    return Report(
        *_split(sent["token"]),
        Outcome(sent["outcome"]),
        result=_json(sent.get("result"), MAX_RESULT, f"{at}/result"),
        error=_json(sent.get("error"), MAX_ERROR, f"{at}/error"),
        retry_in_s=sent.get("retry_in_s"),
        retry=sent.get("retry", True),
        log=sent.get("log", ""),
    )


def _json(value: Any, most: int, at: str) -> str | None:
    if value is None:
        return None
    text = orjson.dumps(value)
    if len(text) > most:
        raise Invalid([Fault(f"Must be {most // 1024} KiB of JSON at most.", pointer=at)])
    return text.decode()


def answer(settled: Settled) -> str:
    """How a report is answered: ok, stale or cancelled."""
    if settled.status is None:
        return "stale"
    return "cancelled" if settled.status is Status.CANCELLED else "ok"
