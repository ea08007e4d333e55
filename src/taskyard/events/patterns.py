"""Which types a pattern is about: `task.failed` only that, `task.*` all that begins so, `*` every one."""

import re

TYPE = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
PATTERN = re.compile(r"\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*\.(\*|[a-z0-9_-]+)")
MOST_CHARS = 100


def of_type(name: str) -> list[str]:
    """Every pattern that an event of this type meets."""
    parts = name.split(".")
    return ["*", *(".".join([*parts[:count], "*"]) for count in range(1, len(parts))), name]


def meets(name: str, pattern: str) -> bool:
    return pattern in ("*", name) or (pattern.endswith(".*") and name.startswith(pattern[:-1]))
