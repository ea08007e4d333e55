"""What a decorator of this layer adds to a route's documentation, noted on the view itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Notes:
    parameters: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, Any] = field(default_factory=dict)  # of the successful answers
    refusals: list[int] = field(default_factory=list)


def notes(view: Callable[..., Any]) -> Notes:
    found: Notes | None = getattr(view, "notes", None)
    return found or Notes()


def note(
    view: Callable[..., Any],
    *,
    parameters: list[dict[str, Any]] | None = None,
    headers: dict[str, Any] | None = None,
    refusals: list[int] | None = None,
) -> None:
    """Add to the notes of a view; functools.wraps carries them through further decorators."""
    before = notes(view)
    view.__dict__["notes"] = Notes(
        [*before.parameters, *(parameters or [])],
        {**before.headers, **(headers or {})},
        [*before.refusals, *(refusals or [])],
    )


def refuses(*statuses: int) -> Callable[[F], F]:
    """Say which errors this route's own deed may answer (404, 409 …)."""

    def mark(view: F) -> F:
        note(view, refusals=list(statuses))
        return view

    return mark
