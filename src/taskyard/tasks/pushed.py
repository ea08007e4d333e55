"""A task as it is posted to its command's URL, and what the answer means for it."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from taskyard.commands.push import Pushed
from taskyard.core import json
from taskyard.core.errors import TaskyardError
from taskyard.core.types import instant_to_text
from taskyard.egress import messages
from taskyard.egress.messages import Outgoing, Result
from taskyard.egress.policy import BLOCKED
from taskyard.egress.signing import sign
from taskyard.egress.urls import BAD
from taskyard.queue.leases import Lease
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report
from taskyard.tasks.fitting import Reported
from taskyard.tasks.report_schemas import MAX_RESULT

LATER = frozenset({429, 503})  # with Retry-After: it is too busy, and says until when
AGAIN = frozenset({408, 425, 429})  # of 4xx: another time it may be different
LONGEST_S = 86_400.0
NOT_PUSHED = "not_pushed"
NOT_PUSHED_S = 60.0  # until a task of another command, found in a pushed queue, is looked at again
STATUS = "status_"  # and the number
EXCERPT = 1000  # characters of an answer's body that stand in an error


def request(lease: Lease, to: Pushed, server_secret: bytes, now: datetime) -> Outgoing:
    """What is posted. `webhook-id` is the task's id, the same at every attempt: by it a receiver does it once."""
    body = orjson.dumps(
        {
            "id": lease.task_id,
            "command": lease.command,
            "attempt": lease.attempt,
            "max_attempts": lease.max_attempts,
            "queue": lease.queue,
            "priority": lease.priority,
            "tags": lease.tags,
            "created_at": instant_to_text(lease.created_at),
            "payload": orjson.Fragment(lease.payload.encode()),
        }
    )
    signed = sign(to.secrets(server_secret, now), lease.task_id, int(now.timestamp()), body)
    ours = {"Taskyard-Task": lease.task_id, "Taskyard-Attempt": str(lease.attempt), "Taskyard-Lease": lease.token}
    timeout_s = min(to.timeout_s, lease.timeout_s)
    return Outgoing(to.url, body, {**to.headers, **signed, **ours}, timeout_s=timeout_s, keep=MAX_RESULT)


def judge(result: Result, to: Pushed, lease: Lease, now: datetime) -> Reported | None:
    """What becomes of the task, with its result as a value; None: its receiver will settle it later."""
    status = result.status
    if status is None or result.error is not None:
        return _unanswered(result, lease), None
    done = status in to.success if to.success else result.accepted and status != 202
    if done:
        return _done(result, lease)
    if status == 202:
        return None
    wait_s = retry_after_s(result, now)
    if status in LATER and wait_s is not None:
        message = f"The receiver answered with {status} and asked to wait {wait_s:.0f} s."
        error = _error(f"{STATUS}{status}", message, result)
        return report(lease, Outcome.RELEASED, retry_in_s=wait_s, error=error), None
    again = status >= 500 or status in AGAIN
    message = f"The receiver answered with {status}."
    return report(lease, Outcome.FAILED, error=_error(f"{STATUS}{status}", message, result), retry=again), None


def _done(result: Result, lease: Lease) -> Reported:
    if result.truncated:
        message = f"The receiver's answer is larger than {MAX_RESULT // 1024} KiB."
        return report(lease, Outcome.FAILED, error=_error("result_too_large", message), retry=False), None
    if not result.body.strip() or "json" not in _header(result, "content-type").partition(";")[0].lower():
        return report(lease, Outcome.SUCCEEDED), None
    try:
        value = json.loads(result.body)
    except TaskyardError:
        message = "The receiver's answer says that it is JSON, but is none that can be kept."
        return report(lease, Outcome.FAILED, error=_error("invalid_result", message, result), retry=False), None
    return report(lease, Outcome.SUCCEEDED, result=orjson.dumps(value).decode()), value


def _unanswered(result: Result, lease: Lease) -> Report:
    """The sentence of the sender's own is for the operator: it may name internal addresses."""
    kind = result.error or messages.PROTOCOL
    if result.sent:
        message = f"The request was sent, but no whole answer came ({kind}): the outcome of this attempt is unknown."
        return report(lease, Outcome.LOST, error=_error(kind, message))
    message = f"The request could not be sent ({kind})."
    return report(lease, Outcome.FAILED, error=_error(kind, message), retry=kind not in {BLOCKED, BAD})


def put_aside(lease: Lease) -> Report:
    """It stands in a queue that is pushed, and its command is not."""
    message = f"The queue {lease.queue} is pushed, and the command {lease.command} is not."
    return report(lease, Outcome.RELEASED, retry_in_s=NOT_PUSHED_S, error=_error(NOT_PUSHED, message))


def cut(lease: Lease) -> Report:
    """The request was under way when the dispatcher had waited long enough for its own stop."""
    message = "The dispatcher was stopped before an answer came: the outcome of this attempt is unknown."
    return report(lease, Outcome.LOST, error=_error("stopped", message))


def report(lease: Lease, outcome: Outcome, **fields: Any) -> Report:
    return Report(*lease.held, outcome, **fields)


def _error(kind: str, message: str, result: Result | None = None) -> str:
    error: dict[str, Any] = {"type": kind, "message": message}
    if result is not None:
        error["status"] = result.status
        error["body"] = result.body[: 4 * EXCERPT].decode(errors="replace")[:EXCERPT].replace("\0", "�")
    return orjson.dumps(error).decode()


def _header(result: Result, wanted: str) -> str:
    return next((value for name, value in result.headers if name.lower() == wanted), "")


def retry_after_s(result: Result, now: datetime) -> float | None:
    """What Retry-After says (RFC 9110, section 10.2.3), a day at most; None where it says nothing."""
    given = _header(result, "retry-after").strip()
    if given.isascii() and given.isdigit():
        return min(float(given[:9]), LONGEST_S)
    try:
        at = parsedate_to_datetime(given)
        return min(max((at - now).total_seconds(), 0.0), LONGEST_S)
    except (TypeError, ValueError):
        return None
