"""Which events an endpoint hears: its patterns, then its JMESPath filter over the event as it would be sent."""

import functools
from typing import Any

from taskyard.core import expressions
from taskyard.core.expressions import Failed
from taskyard.events import patterns

compiled = functools.lru_cache(maxsize=1000)(expressions.compiled)


def passes(expression: str | None, event: dict[str, Any]) -> bool:
    """Whether an event meets a filter: its result is true in the sense of JMESPath. What cannot be worked out is no."""
    if expression is None:
        return True
    try:
        return compiled(expression).holds(event)
    except Failed:
        return False


def asks(event_types: list[str], type_: str) -> bool:
    """Whether one of these patterns is about this type."""
    return any(patterns.meets(type_, one) for one in event_types)


def hears(event_types: list[str], expression: str | None, event: dict[str, Any]) -> bool:
    """Whether an endpoint with these patterns and this filter hears an event."""
    return asks(event_types, event["type"]) and passes(expression, event)
