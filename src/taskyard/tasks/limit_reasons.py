"""The limits that hold a task up, in sentences."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from taskyard.core.types import instant_to_text
from taskyard.tasks.facts import Code, Facts, Over, Reason


def over(facts: Facts) -> list[Reason]:
    """Those of the queue first, as they hold up all its tasks; of one that is not in line, pauses alone.

    What is full now need not be so when its time comes; what is paused stays so until somebody resumes it.
    """
    found = [reason for one in facts.over for reason in _reasons(facts.queue, one)]
    in_line = facts.is_parked or facts.ahead is not None
    return found if in_line else [reason for reason in found if reason.code is Code.KEY_PAUSED]


def _reasons(queue: str, one: Over) -> Iterator[Reason]:
    state, whole = one.state, not one.state.key
    name = f"The queue {queue}" if whole else f"The limit key {state.key} of the queue {queue}"
    path = f"/v1/queues/{queue}" if whole else f"/v1/queues/{queue}/keys/{quote(state.key, safe='')}"
    change = f"PATCH {path}" if whole else f"PUT {path}"
    most, rate = state.limits.max_running, state.limits.rate
    if state.paused_at is not None:
        detail = f"{name} is paused since {instant_to_text(state.paused_at)}."
        yield Reason(Code.KEY_PAUSED, detail, f"POST {path}/resume, with the role for it.")
    if most is not None and state.running >= most:
        yield Reason(
            Code.QUEUE_LIMIT if whole else Code.KEY_LIMIT,
            f"{name} is full: {state.running}/{most} run{held(state.running, one.holders)}.",
            f"Wait until one of them ends, or raise the limit: {change}, with the role for it.",
        )
    if rate is not None and state.rate_until is not None:
        yield Reason(
            Code.QUEUE_RATE if whole else Code.KEY_RATE,
            f"{name} has used up its rate, {rate.count} per {rate.per}, until {instant_to_text(state.rate_until)}.",
            f"Wait until then, or raise the rate: {change}, with the role for it.",
        )


def held(running: int, named: Sequence[str]) -> str:
    """By whom, of those that may be told."""
    if not named:
        return ""
    others = running - len(named)
    return f", held by {', '.join(named)}" + (f" and {others} more" if others > 0 else "")
