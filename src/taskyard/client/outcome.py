"""How an attempt ended: from what its handler did to the report that the server gets."""

import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from taskyard.client.resources import Report
from taskyard.client.running import RunningTask, Stop, clean

Handler: TypeAlias = Callable[[Any, RunningTask], Any]
MAX_MESSAGE = 2_000  # characters
MAX_TRACEBACK = 8_000
MAX_FAULT = 500
UNKNOWN_COMMAND = "unknown_command"


class Failure(Exception):
    """Raise it in a handler to fail the attempt with an error of your own making (any JSON).

    `retry_in_s` stands for the command's backoff.
    """

    retry: bool | None = None

    def __init__(self, error: dict[str, Any], *, retry_in_s: float | None = None) -> None:
        super().__init__(error.get("message", ""))
        self.error = error
        self.retry_in_s = retry_in_s


class DoNotRetry(Failure):
    """Raise it in a handler where another attempt would be of no use: the task fails at once."""

    retry = False

    def __init__(self, error: dict[str, Any] | str = "The worker says that it is of no use to try again.") -> None:
        super().__init__(_told("do-not-retry", error))


class RetryIn(Failure):
    """Raise it in a handler to fail the attempt and say when the next one is due, in place of the backoff."""

    def __init__(self, seconds: float, error: dict[str, Any] | str = "The worker says that it is too early.") -> None:
        super().__init__(_told("retry-in", error), retry_in_s=seconds)


def _told(kind: str, error: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": kind, "message": clean(error)[:MAX_MESSAGE]} if isinstance(error, str) else error


def attempt(handler: Handler, task: RunningTask) -> Report | None:
    """Run the handler; None where the lease was lost, so that there is nothing to report."""
    try:
        result = handler(task.payload, task)
        report = _returned(task, result)
        report.encoded  # noqa: B018  # what is no JSON fails the attempt here, not in the settler
    except (Exception, SystemExit) as error:
        report = _sendable(_raised(task, error), error)
    return None if task.stopped is Stop.STALE else report


def _sendable(report: Report, error: BaseException) -> Report:
    """The report, or where what the handler raised is no JSON, one that describes it."""
    try:
        report.encoded  # noqa: B018  # as above
    except (TypeError, ValueError, RecursionError):
        return Report(report.token, "failed", error=_described(error), retry=report.retry)
    return report


def _returned(task: RunningTask, result: Any) -> Report:
    if task.stopped is Stop.TIMEOUT:
        return timed_out(task)
    if task.stopped is not None and result is None:  # it stopped; with a result it was faster than that
        return _gave_up(task)
    return Report(task.token, "succeeded", result=result)


def _raised(task: RunningTask, error: BaseException) -> Report:
    if task.stopped is Stop.DRAIN:
        return released(task)
    if isinstance(error, Failure):
        return Report(task.token, "failed", error=error.error, retry_in_s=error.retry_in_s, retry=error.retry)
    if task.stopped is Stop.TIMEOUT:
        return timed_out(task)
    return Report(task.token, "failed", error=_described(error))


def _described(error: BaseException) -> dict[str, Any]:
    text = "".join(traceback.format_exception(error))
    return {
        "type": type(error).__name__,
        "message": clean(str(error))[:MAX_MESSAGE],
        "traceback": clean(text)[-MAX_TRACEBACK:],
    }


def _gave_up(task: RunningTask) -> Report:
    if task.stopped is Stop.DRAIN:
        return released(task)
    # The server knows that it was to be cancelled and makes it cancelled, not failed.
    return Report(task.token, "failed", error={"type": "cancelled", "message": "The task was cancelled."})


def timed_out(task: RunningTask) -> Report:
    message = f"It took longer than its timeout of {task.timeout_s} s."
    return Report(task.token, "failed", error={"type": "timeout", "message": message})


def unknown(task: RunningTask, retry_in_s: float) -> Report:
    """No handler here: it is given back for a while, with a word that explain tells."""
    error = {"type": UNKNOWN_COMMAND, "message": f"This worker has no handler for {task.command}."}
    return Report(task.token, "released", error=error, retry_in_s=retry_in_s)


def released(task: RunningTask) -> Report:
    """Given back unfinished: counts neither as a failure nor as a crash."""
    return Report(task.token, "released")


def refused(report: Report, message: str, faults: list[dict[str, Any]]) -> Report:
    """In place of a report that the server does not take: with what it says besides, as far as that is not at fault."""
    what = "result" if report.outcome == "succeeded" else "error"
    error = {"type": "refused", "message": f"The server refused the {what}: {message}"[:MAX_MESSAGE]}
    listed = [{name: str(said)[:MAX_FAULT] for name, said in fault.items()} for fault in faults[:20]]
    left_out: dict[str, Any] = dict.fromkeys(_at_fault(faults).intersection(("retry", "retry_in_s", "log")))
    return replace(
        report,
        outcome="released" if report.outcome == "released" else "failed",
        result=None,
        error=error | ({"errors": listed} if listed else {}),
        **left_out,
    )


def refused_again(report: Report, faults: list[dict[str, Any]]) -> Report:
    """In place of what `refused` gave, as the server tells of what it comes upon first: without when to try again."""
    return replace(
        report,
        retry_in_s=None,
        retry=False if report.retry is False else None,
        log=None if "log" in _at_fault(faults) else report.log,
    )


def _at_fault(faults: list[dict[str, Any]]) -> set[str]:
    """The fields of a report sent by itself; what is within one begins with its name and a slash."""
    return {str(fault.get("pointer")).removeprefix("/leases/0/") for fault in faults}
