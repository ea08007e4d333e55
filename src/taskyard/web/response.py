"""How gunicorn's worker writes an answer: in one packet where it can."""

import time
from collections.abc import Iterable
from typing import Any, ClassVar

from gunicorn import util
from gunicorn.http import wsgi


class Response(wsgi.Response):
    """Holds the head back until the first piece of the body, so that most answers are one packet."""

    _dated: ClassVar[tuple[int, str]] = (0, "")  # the second, and how HTTP writes it
    _plain: ClassVar[set[str]] = set()  # names of headers that are handed on as they are

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """gunicorn's own, which looks closely at a name once: an app has few."""
        kept: Any = self.headers
        for name, value in headers:
            if name in self._plain and wsgi.HEADER_VALUE_RE.fullmatch(value):
                kept.append((name, value))
            else:
                super().process_headers([(name, value)])
                if name.lower() != "content-length" and not util.is_hoppish(name):
                    self._plain.add(name)

    def send_headers(self) -> None:
        if not self.headers_sent:
            self.headers_sent = True
            self._held = self._head()

    def _head(self) -> bytes:
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        major, minor = self.req.version or (1, 1)
        lines = [f"HTTP/{major}.{minor} {self.status}", f"Date: {self._now()}"]
        lines += [f"Connection: {connection}", *(f"{name}: {value}" for name, value in self.headers)]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    @classmethod
    def _now(cls) -> str:
        second = int(time.time())
        if cls._dated[0] != second:
            cls._dated = (second, util.http_date())
        return cls._dated[1]

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            data = b"%X\r\n%b\r\n" % (len(data), data)
        self.sock.sendall(self._take_held() + data)

    def close(self) -> None:
        self.send_headers()
        rest = self._take_held() + (b"0\r\n\r\n" if self.chunked else b"")
        if rest:
            self.sock.sendall(rest)

    def _take_held(self) -> bytes:
        held, self._held = self._held, b""
        return held
