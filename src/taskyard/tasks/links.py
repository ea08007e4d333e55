"""What a new task waits for: from the names that were sent to ids of tasks that are there."""

import re
from collections.abc import Iterable
from typing import Any

from taskyard.core.db import database
from taskyard.core.errors import Fault
from taskyard.queue import linking
from taskyard.queue.enqueue import Link
from taskyard.users.actor import Actor

POSITION = re.compile(r"#([0-9]{1,3})")
UNKNOWN = "There is no such task of yours."
ALONE = "A position names a task before it in the same batch or group; this one is alone."


class Links:
    """The names in the tasks of one call. Each task is told of in its turn, as later ones may name it by position."""

    def __init__(self, actor: Actor, sent: Iterable[dict[str, Any]], *, alone: bool = False) -> None:
        named = sorted({name for one in sent for name in one.get("after", ()) if not name.startswith("#")})
        self._own: set[str] = set()
        if named:
            with database().read.connect() as connection:
                self._own = linking.own(connection, actor.user_id, named)
        self._before: list[str | None] | None = None if alone else []

    def accepted(self, task_id: str | None) -> None:
        """The next of them has this id; None: it is refused."""
        if self._before is not None:
            self._before.append(task_id)

    def faults(self, sent: dict[str, Any]) -> list[Fault]:
        """What is wrong with the names of one task."""
        if "after" not in sent:
            return []
        found, seen = [], set()
        for index, name in enumerate(sent["after"]):
            task_id, wrong = self._found(name)
            if task_id in seen:
                wrong = "This task is named already."
            elif task_id is not None:
                seen.add(task_id)
            if wrong is not None:
                found.append(Fault(wrong, pointer=f"/after/{index}"))
        return found

    def link(self, sent: dict[str, Any]) -> Link | None:
        """How the task hangs together with others, where it does; `sent` has no faults."""
        if "after" not in sent and "group_id" not in sent:
            return None
        after = [found for name in sent.get("after", ()) if (found := self._found(name)[0]) is not None]
        return Link(after, sent.get("on_failure", "cancel") if after else None, sent.get("group_id"))

    def _found(self, name: str) -> tuple[str | None, str | None]:
        """The id that a name stands for, or what is wrong with it."""
        position = POSITION.fullmatch(name)
        if position is None:
            return (name, None) if name in self._own else (None, UNKNOWN)
        if self._before is None:
            return None, ALONE
        index = int(position[1])
        if index >= len(self._before):
            return None, f"Only tasks before this one can be named; it is at position {len(self._before)}."
        found = self._before[index]
        return (found, None) if found is not None else (None, f"The task at position {index} is refused itself.")
