"""One measurement: a load on one server for a time, what came back and what it cost."""

import json
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.databases import KEY
from bench.servers import Server, tree_cpu_s
from bench.waiters import hammer

CONNECTIONS = 32
SCRIPTS = Path(__file__).parent / "wrk"


@dataclass(frozen=True)
class Sample:
    """What one measurement gave."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float  # of the server's processes, per request
    database_cpu_us: float | None  # of a database server's processes, per request
    bad: int  # answers that were not 2xx or 3xx, broken connections, and leases that were not held any more
    load_cpu: float = 0.0  # of one core: what the load generator used


class Meter:
    """Reads what CPU a server and its database use between two moments."""

    def __init__(self, server: Server, database_pid: int | None) -> None:
        self._server = server
        self._database = psutil.Process(database_pid) if database_pid else None
        self._before = self._now()

    def _now(self) -> tuple[float, float]:
        return self._server.cpu_s(), tree_cpu_s(self._database) if self._database else 0.0

    def per_one(self, count: int) -> tuple[float, float | None]:
        """Microseconds of the server, and of the database server where there is one."""
        server, database = (
            (after - before) / max(count, 1) * 1e6 for before, after in zip(self._before, self._now(), strict=True)
        )
        return server, database if self._database else None


def by_wrk(server: Server, case: str, ids: Path, seconds: float, database_pid: int | None = None) -> Sample:
    """Load with wrk: `get` one of a thousand tasks, or `post` a new one."""
    meter = Meter(server, database_pid)
    found = _wrk(server, "tasks.lua", [case, KEY, str(ids)], CONNECTIONS, seconds)
    return _sample(found, found["requests"], found["bad"], meter)


@dataclass(frozen=True)
class Flow:
    """Tasks on their way: what wrk/flow.lua is told, and how many connections send it."""

    case: str
    size: int  # tasks per request
    connections: int


def by_flow(server: Server, flow: Flow, seconds: float, database_pid: int | None = None) -> Sample:
    """Load with tasks on their way. Counted are tasks: those that were settled, or stored where none was.

    Raises:
        RuntimeError: there was nothing left to claim, so that the figure would mean little.
    """
    meter = Meter(server, database_pid)
    found = _wrk(server, "flow.lua", [flow.case, KEY, str(flow.size)], flow.connections, seconds)
    if found["empty"] > found["requests"] / 100:
        raise RuntimeError(f"{found['empty']} of {found['requests']} requests were claims that found nothing.")
    tasks = found["stored"] if flow.case in {"post", "batch"} else found["settled"]
    return _sample(found, tasks, found["bad"] + found["stale"], meter)


def _wrk(server: Server, script: str, arguments: list[str], connections: int, seconds: float) -> dict[str, Any]:
    options = ["-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(SCRIPTS / script)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = subprocess.run(
        ["wrk", *options, server.url(""), "--", *arguments], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    found["load_cpu"] = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / seconds
    return found


def _sample(found: dict[str, Any], count: int, bad: int, meter: Meter) -> Sample:
    cpu_us, database_cpu_us = meter.per_one(count)
    per_s = count / found["duration_us"] * 1e6
    p50_ms, p99_ms = found["p50_us"] / 1000, found["p99_us"] / 1000
    return Sample(per_s, p50_ms, p99_ms, cpu_us, database_cpu_us, bad, found["load_cpu"])


def by_waiting(server: Server, path: str, connections: int, requests: int) -> Sample:
    """Load an endpoint that waits, with this many requests from this many connections at once."""
    meter = Meter(server, None)
    waited = hammer(server.port, path, connections, requests)
    cpu_us, _ = meter.per_one(requests)
    return Sample(waited.per_s, waited.p50_ms, waited.p99_ms, cpu_us, None, waited.bad)
