"""A real receiver of webhooks on 127.0.0.1, in a thread: it keeps what it gets and answers what it is told to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass(frozen=True)
class Letter:
    """One request that came."""

    headers: dict[str, str]  # names in lower case
    raw: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.raw)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Mailbox:
    """`answer` says what each letter is answered: a status and headers. It runs in the thread of its request."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.answer: Callable[[Letter], tuple[int, dict[str, str]]] = lambda _: (200, {})
        self.came = threading.Condition()
        self.url = ""

    def wait_for(self, condition: Callable[[list[Letter]], bool], seconds: float = 20) -> list[Letter]:
        """The letters, once they are so."""
        with self.came:
            assert self.came.wait_for(lambda: condition(self.letters), seconds), f"{len(self.letters)} letters came"
            return list(self.letters)

    def take(self, letter: Letter) -> tuple[int, dict[str, str]]:
        with self.came:
            self.letters.append(letter)
            self.came.notify_all()
        return self.answer(letter)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # http.server's name
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = box.take(Letter({name.lower(): value for name, value in self.headers.items()}, raw))
            self.send_response(status)
            for name, value in {"Content-Length": "2", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 500

        def handle_error(self, *_: Any) -> None:
            pass  # who hangs up has been killed by a test

    with Server(("127.0.0.1", 0), Handler) as server:
        box.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
