"""What can be done with the limit keys of a queue, by moderators and admins: a key may be a customer's name."""

from typing import Any

from taskyard.commands.keys import MAX_KEY
from taskyard.core import clock, transaction
from taskyard.core.db import database
from taskyard.core.errors import NotFound, Stale
from taskyard.queue import keys, limit_settings
from taskyard.queue.keys import KeyState
from taskyard.queue.limits import Limits
from taskyard.queue.window import PER, Rate
from taskyard.tasks.queue_names import check
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor
from taskyard.users.models import Role


def columns(known: Limits, sent: dict[str, Any] | None) -> dict[str, int | None]:
    """The columns for limits as a patch leaves them. `sent` is a loaded LimitsPatch; None removes all."""
    if sent is None:
        return _columns(Limits())
    rate = known.rate
    if "rate" in sent:
        rate = Rate(sent["rate"]["count"], PER[sent["rate"]["per"]]) if sent["rate"] else None
    return _columns(Limits(sent.get("max_running", known.max_running), rate))


def _columns(limits: Limits) -> dict[str, int | None]:
    rate = limits.rate
    return {
        "max_running": limits.max_running,
        "rate_count": rate.count if rate else None,
        "rate_per_s": rate.per_s if rate else None,
    }


def page(actor: Actor, name: str, query: dict[str, Any], after: str | None) -> list[KeyState]:
    """Keys by name, one more than `limit`."""
    _allowed(actor, name)
    with database().read.connect() as connection:
        return keys.page(connection, name, after or "", query["limit"] + 1, clock.now())


def get(actor: Actor, name: str, key: str) -> KeyState:
    """Raises:
    NotFound: no queue or no key can have this name.
    """
    _allowed(actor, name, key)
    with database().read.connect() as connection:
        return keys.one(connection, name, key, clock.now())


def put(actor: Actor, name: str, key: str, version: int | None, sent: dict[str, Any]) -> KeyState:
    """Give a key limits of its own. `sent` is a loaded LimitsIn."""
    return _set(actor, name, key, version, **columns(Limits(), sent))


def reset(actor: Actor, name: str, key: str, version: int | None) -> KeyState:
    """Take back all that was set of a key, a pause too."""
    return _set(actor, name, key, version, **limit_settings.NOTHING)


def pause(actor: Actor, name: str, key: str, version: int | None) -> KeyState:
    """Let nothing of a key start; what runs runs on."""
    return _set(actor, name, key, version, paused_at=clock.now())


def resume(actor: Actor, name: str, key: str, version: int | None) -> KeyState:
    return _set(actor, name, key, version, paused_at=None)


def _allowed(actor: Actor, name: str, key: str = "-") -> None:
    actor.require(Role.MODERATOR)
    check(name)
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable() or not key.strip():
        raise NotFound("There is no such key, and none can have this name.")


def _set(actor: Actor, name: str, key: str, version: int | None, **values: Any) -> KeyState:
    """Raises:
    NotFound: no queue or no key can have this name.
    Stale: it has another version.
    """
    _allowed(actor, name, key)
    now = clock.now()
    with transaction.own(database()) as connection:
        row = limit_settings.lock_key(connection, name, key, now)
        if version is not None and version != row.version:
            raise Stale("The key has another version by now. Read it again.")
        if values.get("paused_at") is not None and row.paused_at is not None:
            values["paused_at"] = row.paused_at
        limit_settings.set_key(connection, name, key, now, **values)
        state = keys.one(connection, name, key, now)
    waiting(database()).wake_everywhere([name])
    return state
