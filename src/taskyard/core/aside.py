"""Work that computes for long, done where it holds up nothing else."""

from collections.abc import Callable
from typing import TypeVar

import gevent
from gevent import monkey

T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """Under gevent in a native thread: what computes never yields, so it would hold up every other request.

    Never inside a transaction: the caller waits for it.
    """
    if not monkey.is_module_patched("threading"):
        return work()
    result: T = gevent.get_hub().threadpool.apply(work)
    return result
