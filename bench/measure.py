"""One measurement: a load on one server for a time, what came back and what it cost."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.databases import KEY
from bench.servers import Server, tree_cpu_s
from bench.waiters import hammer

CONNECTIONS = 32
SCRIPT = Path(__file__).parent / "wrk" / "tasks.lua"


@dataclass(frozen=True)
class Sample:
    """What one measurement gave."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float  # of the server's processes, per request
    database_cpu_us: float | None  # of a database server's processes, per request
    bad: int  # answers that were not 2xx or 3xx, and broken connections


class Meter:
    """Reads what CPU a server and its database use between two moments."""

    def __init__(self, server: Server, database_pid: int | None) -> None:
        self._server = server
        self._database = psutil.Process(database_pid) if database_pid else None
        self._before = self._now()

    def _now(self) -> tuple[float, float]:
        return self._server.cpu_s(), tree_cpu_s(self._database) if self._database else 0.0

    def per_request(self, requests: int) -> tuple[float, float | None]:
        """Microseconds of the server, and of the database server where there is one."""
        server, database = (
            (after - before) / max(requests, 1) * 1e6 for before, after in zip(self._before, self._now(), strict=True)
        )
        return server, database if self._database else None


def by_wrk(server: Server, case: str, ids: Path, seconds: float, database_pid: int | None = None) -> Sample:
    """Load with wrk: `get` one of a thousand tasks, or `post` a new one."""
    meter = Meter(server, database_pid)
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(SCRIPT)]
    finished = subprocess.run(
        ["wrk", *options, server.url(""), "--", case, KEY, str(ids)], capture_output=True, text=True, check=True
    )
    found = json.loads(finished.stdout.strip().splitlines()[-1])
    cpu_us, database_cpu_us = meter.per_request(found["requests"])
    per_s = found["requests"] / found["duration_us"] * 1e6
    return Sample(per_s, found["p50_us"] / 1000, found["p99_us"] / 1000, cpu_us, database_cpu_us, found["bad"])


def by_waiting(server: Server, path: str, connections: int, requests: int) -> Sample:
    """Load an endpoint that waits, with this many requests from this many connections at once."""
    meter = Meter(server, None)
    waited = hammer(server.port, path, connections, requests)
    cpu_us, _ = meter.per_request(requests)
    return Sample(waited.per_s, waited.p50_ms, waited.p99_ms, cpu_us, None, waited.bad)
