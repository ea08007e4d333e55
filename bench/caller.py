"""A caller in Python that times what it asks: one kept-alive connection, one request after the other.

It speaks just as much HTTP as Taskyard's answers need: what it costs is taken from the cores of what is measured.
"""

import socket
import time
from typing import Any

import orjson

from bench.databases import KEY

TASK = {"command": "resize", "payload": {"url": "https://example.com/a.png", "width": 200}}
PATIENCE_S = 30.0


class Caller:
    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = self._connected()

    def _connected(self) -> socket.socket:
        connected = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_S)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def post(self, path: str, sent: Any) -> tuple[Any, float]:
        """What is answered (None: nothing), and the milliseconds until then.

        Raises:
            RuntimeError: it was refused, or the server hung up.
        """
        body = orjson.dumps(sent)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        started = time.perf_counter()
        self._socket.sendall(head.encode() + body)
        status, raw = self._answer()
        took_ms = (time.perf_counter() - started) * 1000
        if status >= 300:
            raise RuntimeError(f"{path} was answered {status}: {raw[:500]!r}")
        return (orjson.loads(raw) if raw else None), took_ms

    def _answer(self) -> tuple[int, bytes]:
        got = b""
        while (ends := got.find(b"\r\n\r\n")) < 0:
            got += self._more()
        head, body = got[:ends].lower(), got[ends + 4 :]
        _, told, rest = head.partition(b"content-length:")
        length = int(rest.split(b"\r\n", 1)[0]) if told else 0
        while len(body) < length:
            body += self._more()
        if b"\r\nconnection: close" in head:  # of two web processes the other has fewer
            self._socket.close()
            self._socket = self._connected()
        return int(head.split(b" ", 2)[1]), body

    def _more(self) -> bytes:
        got = self._socket.recv(262_144)
        if not got:
            raise RuntimeError("The server hung up.")
        return got

    def claim(self, limit: int = 1, worker: str = "bench") -> tuple[list[Any], float]:
        answer, took_ms = self.post("/v1/leases", {"queues": ["resize"], "limit": limit, "worker": worker})
        return (answer["leases"] if answer else []), took_ms

    def settle(self, leases: list[Any]) -> float:
        reports = [{"token": lease["token"], "outcome": "succeeded", "result": {"width": 200}} for lease in leases]
        return self.post("/v1/leases/settle", {"leases": reports})[1]

    def close(self) -> None:
        self._socket.close()


def percentile(times: list[float], percent: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
