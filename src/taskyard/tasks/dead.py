"""Dead tasks as their owners see them."""

from typing import Any

from taskyard.core.db import database
from taskyard.core.types import instant_to_text
from taskyard.queue import dead
from taskyard.queue.dead import DeadFilter, Group
from taskyard.queue.fingerprint import told
from taskyard.tasks.service import owner_of
from taskyard.users.actor import Actor

SHOWN = 1000  # characters of a sample's message


def grouped(actor: Actor, query: dict[str, Any], after: str | None) -> tuple[list[Group], str | None]:
    """Groups of dead tasks, and the fingerprint after which to go on. `query` is a loaded DeadQuery.

    Raises:
        Forbidden: a user asks for tasks of others.
    """
    owner_id = owner_of(actor, query["owner"])
    wanted = DeadFilter(owner_id, **{name: query.get(name) for name in ("command", "queue", "since")})
    with database().read.connect() as connection:
        return dead.groups(connection, wanted, limit=query["limit"], after=after)


def rendered(group: Group) -> dict[str, Any]:
    kind, message = told(group.newest.error)
    return {
        "fingerprint": group.fingerprint,
        "command": group.newest.command,
        "queue": group.newest.queue,
        "error": {"type": kind[:SHOWN], "message": message[:SHOWN]},
        "count": group.count,
        "capped": group.capped,
        "first_at": instant_to_text(group.first_at),
        "last_at": instant_to_text(group.last_at),
        "task_id": group.newest.id,
    }
