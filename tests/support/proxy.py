"""A TCP proxy that can lose answers, as a bad network does, and cut requests, as one that lets only some through."""

import contextlib
import socket
import threading
from typing import Self


class Proxy:
    """Stands on 127.0.0.1 before a server; the next `lose` answers never arrive, although the request did.

    Requests that begin with `cut` never arrive: their connection is closed instead.
    """

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.lose = 0
        self.cut: bytes | None = None
        self.requests = 0
        self._sockets: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, target: object, *args: socket.socket) -> None:
        thread = threading.Thread(target=target, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for one in (caller, server):  # what comes in two pieces goes on without waiting for an acknowledgement
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [caller, server]
                self._spawn(self._ask, caller, server)
                self._spawn(self._answer, server, caller)

    def _ask(self, caller: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := caller.recv(65_536):
                self.requests += data.startswith((b"GET ", b"POST ", b"DELETE "))
                if self.cut and data.startswith(self.cut):
                    caller.shutdown(socket.SHUT_RDWR)
                    break
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _answer(self, server: socket.socket, caller: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                if self.lose:
                    self.lose -= 1
                    break
                caller.sendall(data)
            caller.shutdown(socket.SHUT_RDWR)
