"""Making new tasks: what was sent and what their command says, checked and put together; nothing is stored."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from taskyard.commands import keys, validation
from taskyard.commands.catalogue import Definition
from taskyard.core.errors import Fault, Invalid
from taskyard.core.expressions import Failed
from taskyard.core.ids import new_id
from taskyard.queue import policy
from taskyard.queue.enqueue import NewTask
from taskyard.queue.lifecycle import LANES
from taskyard.tasks.schemas import MAX_PAYLOAD

_KEYS = ("limit_key", "fairness_key")


def new_task(
    owner_id: str, sent: dict[str, Any], definition: Definition | None, now: datetime, *, closed: bool
) -> NewTask:
    """The task that a loaded TaskIn asks for, checked against this definition of its command.

    Raises:
        Invalid: the payload is too large or does not fit, or the catalogue is closed and does not have the command.
    """
    return Mould(owner_id, sent, definition, now, closed=closed).task(new_id(), sent["payload"])


class Mould:
    """What the tasks that one loaded TaskIn asks for have in common: all but their ids and payloads."""

    def __init__(
        self, owner_id: str, sent: dict[str, Any], definition: Definition | None, now: datetime, *, closed: bool
    ) -> None:
        self.sent = sent
        self._definition = definition
        self._fault = _fault(sent, definition, now, closed=closed)
        self._before = (owner_id, sent["command"])
        self._after = _settings(sent, definition, now)
        self._has_keys = any(_asks_for(name, sent, definition) for name in _KEYS)

    def task(self, task_id: str, payload: Any) -> NewTask:
        """A new one, with this id.

        Raises:
            Invalid: the payload is too large or does not fit, or no task can be made at all.
        """
        if self._fault is not None:
            raise Invalid([self._fault])
        text = checked_payload(payload, self._definition)
        task = NewTask(task_id, *self._before, text, *self._after)
        if self._has_keys:
            task.limit_key, task.fairness_key = (_key(name, self.sent, self._definition, payload) for name in _KEYS)
        return task


def _fault(sent: dict[str, Any], definition: Definition | None, now: datetime, *, closed: bool) -> Fault | None:
    """Why there can be no such task."""
    if definition is None and closed:
        return Fault("This command is not registered, and the catalogue is closed.", pointer="/command")
    if (expires_at := sent.get("expires_at")) is not None and expires_at <= now:
        return Fault("Must be in the future.", pointer="/expires_at")
    return None


def _settings(sent: dict[str, Any], definition: Definition | None, now: datetime) -> tuple[Any, ...]:
    """The fields of a NewTask from `queue` to `unique_key`."""
    priority = sent.get("priority") or (definition.priority if definition else "normal")
    run_at = sent.get("run_at") or now + timedelta(seconds=sent.get("delay_s", 0))
    starts_at = max(run_at, now)
    backoff = sent.get("backoff") or (definition.backoff if definition else None)
    return (
        sent.get("queue") or (definition and definition.queue) or own_queue(sent["command"]),
        LANES[priority],
        now,
        starts_at,
        definition.schema_version if definition else None,
        list(dict.fromkeys(sent["tags"])),
        sent.get("expires_at"),
        sent.get("timeout_s") or (definition and definition.timeout_s) or policy.DEFAULT_TIMEOUT_S,
        sent.get("max_attempts") or (definition and definition.max_attempts) or policy.DEFAULT_MAX_ATTEMPTS,
        sent.get("max_crashes") or (definition and definition.max_crashes) or policy.MAX_CRASHES,
        backoff,
        policy.retry_until(backoff, starts_at),
        sent.get("on_lost") or (definition.on_lost if definition else policy.OnLost.RETRY),
        None,
        sent["unique"]["key"] if "unique" in sent else None,
    )


def _asks_for(name: str, sent: dict[str, Any], definition: Definition | None) -> bool:
    return name in sent or getattr(definition, name, None) is not None


def _key(name: str, sent: dict[str, Any], definition: Definition | None, payload: Any) -> str | None:
    """A key of a new task: its own, else what its command's expression finds in the payload.

    Raises:
        Invalid: what that finds can be no key.
    """
    expression: str | None = getattr(definition, name, None)
    if name in sent or expression is None:
        return sent.get(name)
    try:
        return keys.found(keys.compiled(expression), payload)
    except Failed as error:
        raise Invalid([Fault(f"The command's {name}: {error}", pointer="/payload")]) from error


@lru_cache(maxsize=1024)
def own_queue(command: str) -> str:
    """The queue named after a command; a queue's name has fewer characters to choose from than a command's."""
    allowed = (c if c.isascii() and (c.isalnum() or c in "._:-") else "-" for c in command)
    return "".join(allowed).lstrip("._:-") or "default"


def checked_payload(value: Any, definition: Definition | None) -> str:
    """The payload as JSON text.

    Raises:
        Invalid: it is too large, or does not fit the command's schema.
    """
    text = orjson.dumps(value)
    if len(text) > MAX_PAYLOAD:
        raise Invalid([Fault(f"The payload is larger than {MAX_PAYLOAD // 1024} KiB.", pointer="/payload")])
    if definition is not None and definition.payload is not None:
        found = validation.faults(definition.payload, value, "/payload", len(text))
        if found:
            raise Invalid(found)
    return text.decode()
