"""A caller in Python that times what it asks: one kept-alive connection, one request after the other."""

import http.client
import json
import time
from typing import Any

from bench.databases import KEY

TASK = {"command": "resize", "payload": {"url": "https://example.com/a.png", "width": 200}}


class Caller:
    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def post(self, path: str, sent: Any) -> tuple[Any, float]:
        """What is answered (None: nothing), and the milliseconds until then.

        Raises:
            RuntimeError: it was refused.
        """
        body = json.dumps(sent)
        started = time.perf_counter()
        self._http.request("POST", path, body, self._headers)
        answer = self._http.getresponse()
        raw = answer.read()
        took_ms = (time.perf_counter() - started) * 1000
        if answer.status >= 300:
            raise RuntimeError(f"{path} was answered {answer.status}: {raw[:500]!r}")
        return (json.loads(raw) if raw else None), took_ms

    def claim(self, limit: int = 1, worker: str = "bench") -> tuple[list[Any], float]:
        answer, took_ms = self.post("/v1/leases", {"queues": ["resize"], "limit": limit, "worker": worker})
        return (answer["leases"] if answer else []), took_ms

    def settle(self, leases: list[Any]) -> float:
        reports = [{"token": lease["token"], "outcome": "succeeded", "result": {"width": 200}} for lease in leases]
        return self.post("/v1/leases/settle", {"leases": reports})[1]

    def close(self) -> None:
        self._http.close()


def percentile(times: list[float], percent: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
