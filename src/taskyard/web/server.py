"""gunicorn's gevent worker, with its own refusals as problem+json."""

import socket
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.ggevent import GeventWorker

from taskyard.web import problems

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


class Worker(GeventWorker):
    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        status = next((s for kind, s in REFUSALS.items() if isinstance(exc, kind)), 400)
        self.log.info("refused a request from %s: %s", addr[0] if addr else "a socket", exc)
        body = problems.body(problems.HTTP_KINDS[status], DETAILS[status])
        head = (
            f"HTTP/1.1 {status} {problems.HTTP_KINDS[status].title}\r\nConnection: close\r\n"
            f"Content-Type: {problems.MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            client.sendall(head.encode() + body)
        except OSError as error:
            self.log.debug("the refusal could not be sent: %s", error)
