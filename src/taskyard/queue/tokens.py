"""A lease's token: the task's id and the fence, which only its holder knows."""

import re

# Lower case only: PostgreSQL would find a task by any spelling of its id, but we look its row up by the one sent.
_TOKEN = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9A-Za-z]{1,43})")


def make_token(task_id: str, fence: str) -> str:
    return f"{task_id}.{fence}"


def split_token(token: str) -> tuple[str, str] | None:
    """Task id and fence of a lease's token; None where it is none."""
    match = _TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else None
