"""What a queue may be called."""

import re

from taskyard.core.errors import NotFound

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


def check(name: str) -> None:
    """Raises:
    NotFound: no queue can have this name.
    """
    if not NAME.fullmatch(name):
        raise NotFound("There is no such queue, and none can have this name.")
