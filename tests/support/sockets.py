"""An app behind a socket of 127.0.0.1, for callers that need one; tests/support/server.py has the real server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # werkzeug's name
        """The access log is not what these tests are about."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The URL of the app while the block runs."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
