"""Which events an endpoint hears: its patterns, then its JMESPath filter over the event as it would be sent."""

import functools
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from taskyard.events import patterns

MOST_CHARS = 1000


class Unreadable(ValueError):
    """This filter cannot be used; the message is a sentence for whoever wrote it."""


@functools.lru_cache(maxsize=1000)
def compiled(expression: str) -> ParsedResult:
    """Raises:
    Unreadable: it is no JMESPath expression.
    """
    try:
        return jmespath.compile(expression)
    except (JMESPathError, RecursionError, ValueError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise Unreadable(f"This is no JMESPath expression: {first}"[:300]) from error


def passes(expression: str | None, event: dict[str, Any]) -> bool:
    """Whether an event meets a filter: its result is true in the sense of JMESPath. What cannot be worked out is no."""
    if expression is None:
        return True
    try:
        return _is_true(compiled(expression).search(event))
    except (JMESPathError, Unreadable, TypeError, ValueError, RecursionError, OverflowError):
        return False


def _is_true(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", [], {})


def hears(event_types: list[str], expression: str | None, event: dict[str, Any]) -> bool:
    """Whether an endpoint with these patterns and this filter hears an event."""
    return any(patterns.meets(event["type"], one) for one in event_types) and passes(expression, event)
