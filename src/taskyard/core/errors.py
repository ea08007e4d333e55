"""What can go wrong, in words for a person. web/problems.py turns each kind into a status."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where it stands (one of the three places) and what to do about it."""

    detail: str
    pointer: str | None = None  # JSON pointer into the body (RFC 6901)
    parameter: str | None = None  # name of a path or query parameter
    header: str | None = None  # name of a header

    def to_dict(self) -> dict[str, str]:
        places = {"pointer": self.pointer, "parameter": self.parameter, "header": self.header}
        return {"detail": self.detail, **{name: place for name, place in places.items() if place is not None}}


class TaskyardError(Exception):
    """Base of every error that is an answer. `detail` says what happened and what to do."""

    def __init__(self, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


class Invalid(TaskyardError):
    """The input cannot be accepted as it stands; carries every fault found in it."""

    def __init__(self, faults: Sequence[Fault], detail: str | None = None) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(detail or f"The request has {count}; see errors.")
        self.faults = list(faults)


class Unauthenticated(TaskyardError):
    """Nobody, or somebody whose credentials do not hold."""


class Forbidden(TaskyardError):
    """Known, but not allowed to do this."""


class NotFound(TaskyardError):
    """Not there, or not yours."""


class Conflict(TaskyardError):
    """The present state does not allow it."""


class Stale(TaskyardError):
    """The If-Match given is of an older version."""


class TooLarge(TaskyardError):
    """The body is larger than is accepted."""


class UnsupportedType(TaskyardError):
    """The Content-Type is not one that is read here."""


class Limited(TaskyardError):
    """Too many of these for now."""


class Unavailable(TaskyardError):
    """The server cannot do it now; trying again later may help."""
