"""What can go wrong when talking to Taskyard: the server's problems (RFC 9457) and the network's."""

from collections.abc import Sequence
from typing import Any


class TaskyardError(Exception):
    """The server refused or could not be asked.

    `status` is that of HTTP, 0 where no answer came; `title` and `detail` are sentences for people; `errors` lists
    every fault of the input, each with a `detail` and a `pointer`, `parameter` or `header`.
    """

    def __init__(
        self,
        title: str,
        detail: str = "",
        *,
        status: int = 0,
        errors: Sequence[dict[str, Any]] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(title, detail)
        self.title = title
        self.detail = detail
        self.status = status
        self.errors = list(errors)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        faults = "".join(f"\n  {_place(fault)}{fault.get('detail', '')}" for fault in self.errors)
        return f"{self.title}: {self.detail}{faults}" if self.detail else f"{self.title}{faults}"


class Unreachable(TaskyardError):
    """No answer came: the server is down, the network is, or the URL is wrong. What was asked may have been done."""


class Interrupted(TaskyardError):
    """`Client.interrupt` ended this request."""


class NotEnded(TaskyardError, TimeoutError):
    """The task is still open at the end of `Client.wait`."""


class Refused(TaskyardError):
    """4xx: the request must change before it can succeed."""


class Unauthenticated(Refused):
    """401: the token is missing, unknown, expired or revoked."""


class Forbidden(Refused):
    """403: the token may not do this."""


class NotFound(Refused):
    """404: not there, or not yours."""


class Conflict(Refused):
    """409: the present state does not allow it."""


class TooLarge(Refused):
    """413: the body is larger than the server accepts."""


class Invalid(Refused):
    """422: the input is malformed; `errors` lists every fault."""


class Limited(Refused):
    """429: too many requests, also after the retries."""


class ServerError(TaskyardError):
    """5xx: the server failed or is overloaded, also after the retries."""


_BY_STATUS: dict[int, type[TaskyardError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: Limited,
}


def from_problem(status: int, problem: Any, retry_after_s: float | None) -> TaskyardError:
    """The error for an answer; `problem` is its JSON, or None where it is none (a proxy's page, say)."""
    found: dict[str, Any] = problem if isinstance(problem, dict) else {}
    kind = _BY_STATUS.get(status) or (ServerError if status >= 500 else Refused)
    return kind(
        str(found.get("title") or f"HTTP status {status}"),
        str(found.get("detail") or ""),
        status=status,
        errors=[fault for fault in found.get("errors") or [] if isinstance(fault, dict)],
        retry_after_s=retry_after_s,
    )


def _place(fault: dict[str, Any]) -> str:
    place = fault.get("pointer") or fault.get("parameter") or fault.get("header")
    return f"{place}: " if place else ""
