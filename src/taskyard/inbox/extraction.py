"""Where a provider says what happened, and which of its requests are the same one sent again."""

from typing import Any

from taskyard.inbox import reading
from taskyard.inbox.presets import Preset
from taskyard.inbox.received import Received


def event_type(preset: Preset, received: Received) -> str | None:
    """What is found at the first place that holds something."""
    body = reading.body(received)
    return next((found for place in preset.event_type if (found := _at(place, received, body))), None)


def dedupe_key(preset: Preset, received: Received) -> str | None:
    """The texts at the first list of places that all hold one, joined."""
    body = reading.body(received)
    for places in preset.dedupe_key:
        found = [_at(place, received, body) for place in places]
        if all(found):
            return ":".join(str(one) for one in found)
    return None


def _at(place: str, received: Received, body: Any) -> str | None:
    where, _, name = place.partition(":")
    if where == "header":
        sent = received.header(name)
        return sent[0] if len(sent) == 1 else None
    if where == "query":
        given = received.parameter(name)
        return given[0] if len(given) == 1 else None
    for step in name.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    if isinstance(body, int) and not isinstance(body, bool):
        return str(body)
    return body if isinstance(body, str) else None
