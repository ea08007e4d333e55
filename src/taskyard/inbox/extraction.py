"""Where a provider says what happened, and which of its requests are the same one sent again."""

from typing import Any

from taskyard.inbox.presets import Preset
from taskyard.inbox.received import Received

Body = Any  # as reading.body gives it


def event_type(preset: Preset, received: Received, body: Body) -> str | None:
    """What is found at the first place that holds something."""
    return next((found for place in preset.event_type if (found := _at(place, received, body))), None)


def dedupe_key(preset: Preset, received: Received, body: Body) -> str | None:
    """The texts at the first list of places that all hold one, joined."""
    for places in preset.dedupe_key:
        found = [_at(place, received, body) for place in places]
        if all(found):
            return ":".join(str(one) for one in found)
    return None


def _at(place: str, received: Received, body: Body) -> str | None:
    where, _, name = place.partition(":")
    if where == "body":
        return _of_all(body, name) if isinstance(body, list) else _inside(body, name)
    sent = received.header(name) if where == "header" else received.parameter(name)
    return sent[0] if len(sent) == 1 else None


def _of_all(events: list[Any], name: str) -> str | None:
    """Of several events in one request: what each says, in order and each once, where all of them say something."""
    found = [_inside(one, name) for one in events]
    return ",".join(dict.fromkeys(str(one) for one in found)) if all(found) else None


def _inside(body: Body, name: str) -> str | None:
    for step in name.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    if isinstance(body, int) and not isinstance(body, bool):
        body = str(body)
    return body if isinstance(body, str) else None
