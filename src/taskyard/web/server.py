"""gunicorn's gevent worker, leaner by what this app does not use, and with its own refusals as problem+json.

Against gunicorn's own `handle_request` it leaves out the access log (web/requests.py writes one), the hooks, and
sendfile; head and body leave in one packet. Parsing, limits and framing are gunicorn's.
"""

import gc
import socket
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import gevent
from gevent.pool import Pool
from gunicorn.config import Config
from gunicorn.http import errors, wsgi
from gunicorn.workers.ggevent import GeventWorker

from taskyard.web import kinds, stopping, wire
from taskyard.web.accepting import Seat, Server
from taskyard.web.response import Response
from taskyard.web.stopping import IdleConnections

# What gunicorn refuses before the app is asked, by the class of its error.
REFUSALS: dict[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.ExpectationFailed: 417,
    errors.UnsupportedTransferCoding: 501,
}
DETAILS = {
    400: "The bytes sent are no valid HTTP/1.1 request.",
    414: "The request line is longer than 8,190 bytes. Send long values in the body.",
    417: "Only Expect: 100-continue is understood.",
    431: "The header fields are too large or too many: 100 fields of 8,190 bytes at most.",
    501: "This transfer coding is not supported; send chunked or a Content-Length.",
}
LINGER_S = 2.0


class Settings:
    """gunicorn's settings as plain attributes: its own object computes each anew, a dozen times per request."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.__dict__.update({name: setting.get() for name, setting in config.settings.items()})
        for name in ("is_ssl", "address"):
            self.__dict__[name] = getattr(config, name)
        self.forwarded_allow_networks = config.forwarded_allow_networks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._config, name)


class Worker(GeventWorker):
    seat: Seat  # given by the master, before it forks

    def init_process(self) -> None:
        self.cfg: Any = Settings(self.cfg)
        self._idle = IdleConnections()
        self.server_class = self._server  # type: ignore[assignment, misc]  # gunicorn only calls it
        super().init_process()

    def load_wsgi(self) -> None:
        gc.disable()  # what is loaded stays: looking for garbage in it took a sixth of the time
        try:
            super().load_wsgi()
        finally:
            gc.enable()
        # Calling a method takes nothing of the C stack, calling an object does: what waits keeps it.
        app: Any = self.wsgi
        self._call = app.__call__

    def _server(self, listener: Any, *, spawn: Pool, ssl_context: Any = None, **_for_wsgi: Any) -> Server:
        """What gunicorn's `run` makes of a listener."""
        tls = {} if ssl_context is None else {"ssl_context": ssl_context}
        return Server(listener, self.seat, handle=partial(self.handle, listener), spawn=spawn, **tls)

    def timeout_ctx(self) -> Any:
        return self._idle.waiting(self.cfg.keepalive)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        gevent.spawn(self._stop_waiting)  # not in the signal handler, which may stand anywhere

    def _stop_waiting(self) -> None:
        stopping.begun.set()
        self._idle.let_go()

    def handle_request(self, listener_name: Any, req: Any, sock: socket.socket, addr: Any) -> bool:
        resp: Any
        resp, environ = wsgi.create(req, sock, addr, listener_name, self.cfg, response_class=Response)
        environ["wsgi.multithread"] = True
        environ[wire.HEADERS] = req.headers  # one by one: a signature sent twice must not count as one
        if not self.alive:
            resp.force_close()
        try:
            pieces = self._call(environ, resp.start_response)
            if self.seat.can_spare_one():
                resp.force_close()
            self._answer(resp, pieces)
        except OSError:
            raise  # the connection broke; `handle` knows which of these matter
        except Exception:
            if not resp.headers_sent:
                raise
            self.log.exception("an answer broke off")  # a second answer on this socket would corrupt the first
            raise StopIteration from None
        if resp.should_close():
            raise StopIteration
        gevent.sleep(0)  # let the other connections have their turn: kept-alive clients would starve one another
        return True

    @staticmethod
    def _answer(resp: Response, pieces: Iterable[bytes]) -> None:
        try:
            for piece in pieces:
                resp.write(piece)
            resp.close()
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        status = next((s for kind, s in REFUSALS.items() if isinstance(exc, kind)), 400)
        self.log.info("refused a request from %s: %s", addr[0] if addr else "a socket", exc)
        body = kinds.body(kinds.HTTP_KINDS[status], DETAILS[status])
        head = (
            f"HTTP/1.1 {status} {kinds.HTTP_KINDS[status].title}\r\nConnection: close\r\n"
            f"Content-Type: {kinds.MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            client.sendall(head.encode() + body)
            _linger(client)
        except OSError as error:
            self.log.debug("the refusal could not be sent: %s", error)


def _linger(client: socket.socket) -> None:
    """Read on for a moment: closing with bytes unread resets the connection, and the caller may never see the answer
    (RFC 9112, section 9.6)."""
    client.shutdown(socket.SHUT_WR)
    give_up_at = time.monotonic() + LINGER_S
    while (left := give_up_at - time.monotonic()) > 0:
        client.settimeout(left)
        if not client.recv(65_536):
            return
