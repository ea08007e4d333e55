"""Whether whoever made a request is still to be answered, for those that make it wait."""

import select
import socket
from collections.abc import Callable

from flask import request
from gevent.monkey import get_original

from taskyard.web import stopping

# gevent's own poll knows nothing of POLLRDHUP. This one is asked without a timeout, so it does not block either.
_poll = get_original("select", "poll")


def watch() -> Callable[[], bool]:
    """A question to ask while waiting: True once the caller has closed its connection, or this process is to stop.

    gunicorn hands its socket over in the environ; where there is none (tests, other servers) nobody ever goes.
    """
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    if connection is None:
        return lambda: False
    descriptor = connection.fileno()

    def gone() -> bool:
        if stopping.begun.is_set():
            return True
        poller = _poll()
        poller.register(descriptor, select.POLLIN | select.POLLRDHUP)
        events = poller.poll(0)
        return bool(events and events[0][1] & (select.POLLRDHUP | select.POLLHUP | select.POLLERR))

    return gone
