"""gunicorn's settings, for `gunicorn wsgi:app` and `taskyard up` alike. https://docs.gunicorn.org/en/stable/settings.html"""

import gc
import threading
from typing import Any

from taskyard.listening import listening
from taskyard.web.accepting import Seats

BEGIN_S = 2.0
# Things made and kept until garbage is looked for. A request of a thousand tasks keeps ten thousand until it is
# answered: at the 700 of Python 3.11 looking through them took a twentieth of its time.
GARBAGE_AFTER = 5_000

_listening = listening()
_seats = Seats(4 * _listening.workers)  # for a reload, those who come and those who go
bind = list(_listening.addresses)
workers = _listening.workers
worker_class = "taskyard.web.server.Worker"
worker_connections = 4096  # most of them idle long polls
keepalive = 75
timeout = 60
graceful_timeout = 30
forwarder_headers = ""  # by default any local client may set SCRIPT_NAME and PATH_INFO
limit_request_line = 8190  # the most that gunicorn allows
preload_app = False  # the app must be imported after gevent has patched the standard library
control_socket_disable = True  # its path is per user: two instances would collide
logger_class = "taskyard.web.logger.Logger"
errorlog = "-"
accesslog = None  # web/requests.py logs requests, as JSON


def pre_fork(_master: Any, worker: Any) -> None:
    """Runs in the master."""
    worker.seat = _seats.take()


def child_exit(_master: Any, worker: Any) -> None:
    """Runs in the master, however the process ended."""
    worker.seat.free()


def post_worker_init(worker: Any) -> None:
    """Start what the app does in the background of each of its processes."""
    # What is loaded by now stays: looking through all of it again and again for garbage holds up every request.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, *gc.get_threshold()[1:])
    for deed in worker.wsgi.extensions["taskyard.background"]:
        threading.Thread(target=deed, daemon=True).start()
    worker.wsgi.extensions["taskyard.begins_after"].wait(BEGIN_S)  # with the database away it begins all the same
