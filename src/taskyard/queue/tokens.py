"""A lease's token: the task's id and the fence, which only its holder knows."""

import re
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Text, cast

from taskyard.core.ids import NIL
from taskyard.core.lists import among, keyed
from taskyard.queue.tables import lease

FENCE_BYTES = 16  # drawn by chance, and written in hexadecimal digits
# Lower case only: PostgreSQL would find a task by any spelling of its id, but we look its row up by the one sent.
_TOKEN = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9A-Za-z]{1,43})")


# The lease of each of these tokens that is held, by its id: a list of pairs would be a text of its own for each length.
HELD: tuple[ColumnElement[bool], ...] = (
    among(lease.c.task_id, "ids"),
    keyed(cast(lease.c.task_id, Text) + "." + lease.c.token, "tokens"),
)


def held_by(tokens: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The parameters of HELD, of pairs of a task's id and a fence."""
    pairs = list(tokens)
    return {"ids": [task_id for task_id, _ in pairs], "tokens": [make_token(*pair) for pair in pairs]}


def make_token(task_id: str, fence: str) -> str:
    return f"{task_id}.{fence}"


def parts(token: str) -> tuple[str, str]:
    """Task id and fence of a lease's token; of what is none, the id of no task."""
    match = _TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else (NIL, "")
