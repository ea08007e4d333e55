"""Settling leases for a worker: results are checked, and whoever waits is woken."""

from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.commands import catalogue
from taskyard.core import clock, transaction
from taskyard.core.db import database
from taskyard.core.errors import Fault, Invalid
from taskyard.core.shortcut import shortcut
from taskyard.queue.done import Done, all_done
from taskyard.queue.lifecycle import OUTCOMES, Status
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report, Settled, settle
from taskyard.queue.tokens import parts
from taskyard.tasks.fitting import RESULT_IS_CHECKED, Reported, fitting
from taskyard.tasks.report_schemas import MAX_RESULT
from taskyard.tasks.results import results
from taskyard.tasks.waiting import waiting

MAX_ERROR = 64 * 1024  # bytes of JSON
MAX_ALIKE = 2 * 1024 * 1024  # characters that are stored where the same is said of many: about what a body may have
DONE = Done(RESULT_IS_CHECKED)
OK = "ok"
Told = tuple[Settled, list[Fault]]


def tokens(sent: dict[str, Any]) -> list[str]:
    """Those that a loaded ReportIn is about."""
    found: list[str] = sent["tokens"] if "tokens" in sent else [sent["token"]]
    return found


def report(sent: list[dict[str, Any]]) -> list[tuple[Settled, list[Fault]]]:
    """Settle leases. `sent` are loaded ReportIns; the answers are in the order of their tokens, with the faults of the
    result.

    A result that does not fit its command's schema fails the attempt.
    """
    reports = [(of, one.get("result")) for index, one in enumerate(sent) for of in _reports(one, f"/leases/{index}")]
    settled = transaction.batch(database(), _settle, reports, _settle_done)
    waiting(database()).wake([queue for one, _ in settled for queue in one.ready])
    ended = [of.task_id for (of, _), (one, _) in zip(reports, settled, strict=True) if one.status in OUTCOMES]
    results(database()).wake(ended)
    return settled


def _settle_done(connection: Connection, calls: list[list[Reported]]) -> list[list[Told]] | None:
    """Settle them all alike; None: there is more to do, and nothing was done."""
    reports = [report for call in calls for report, _ in call]
    if not all_done(reports):
        return None
    settled = shortcut(database(), settle).tried(lambda: DONE.settle(connection, reports, clock.now()))
    if settled is None:
        return None
    told = iter(settled)
    return [[(next(told), []) for _ in call] for call in calls]


def _settle(connection: Connection, calls: list[list[Reported]]) -> list[list[Told]]:
    on_sqlite = connection.dialect.name == "sqlite"  # where it has not been tried before
    if on_sqlite and (done := _settle_done(connection, calls)) is not None:
        return done
    reported = [one for call in calls for one in call]
    checked = fitting(connection, reported, catalogue.checks)
    settled = settle(connection, [report for report, _ in checked], clock.now())
    # Who no longer holds the lease is told nothing of the schema.
    told = ((one, faults if one.status is not None else []) for one, (_, faults) in zip(settled, checked, strict=True))
    return [[next(told) for _ in call] for call in calls]


def _reports(sent: dict[str, Any], at: str) -> list[Report]:
    result = _json(sent.get("result"), MAX_RESULT, f"{at}/result")
    error = _json(sent.get("error"), MAX_ERROR, f"{at}/error")
    log, named = sent.get("log", ""), tokens(sent)
    size = len(named) * (len(result or "") + len(error or "") + len(log))
    if len(named) > 1 and size > MAX_ALIKE:
        fault = f"Said of each of them, this comes to {size:,} characters; at most {MAX_ALIKE:,}. Send fewer at once."
        raise Invalid([Fault(fault, pointer=f"{at}/tokens")])
    retry_in_s, retry = sent.get("retry_in_s"), sent.get("retry", True)
    outcome = Outcome(sent["outcome"])
    return [Report(*parts(token), outcome, result, error, retry_in_s, retry, log) for token in named]


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
    return "cancelled" if settled.status is Status.CANCELLED else OK
