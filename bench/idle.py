"""Idle waiters: what 2,000 long polls cost a web process that has nothing for them, and how others fare meanwhile."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from matplotlib.figure import Figure

from bench import polls
from bench.databases import source
from bench.servers import TASKYARD, Server, serving

WAITERS = 2000
AT_ONCE = 100  # made at a time, so that the listening socket's line holds them
HEALTH_EVERY_S = 0.02
RESULTS = Path(__file__).parent / "results"


@dataclass
class Idle:
    """What was found on one database."""

    kib_before: float = 0.0
    kib_waiting: float = 0.0
    cpu_share: float = 0.0  # of a core, while they wait
    health_ms: list[float] = field(default_factory=list)
    herd_ms: float = 0.0  # until the first of them has the one task that comes
    taken: int = 0

    @property
    def mib(self) -> float:
        return (self.kib_waiting - self.kib_before) / 1024


def _web_process(server: Server) -> psutil.Process:
    """The one worker, by the port it serves; gunicorn's master is its parent."""
    for process in psutil.Process().children(recursive=True):
        listens = any(one.laddr and one.laddr.port == server.port for one in process.net_connections("tcp"))
        if listens and not process.children():
            return process
    raise RuntimeError("the server has no worker")


def _kib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1024


async def _measure(port: int, process: psutil.Process, waiters: int, seconds: float) -> Idle:
    found = Idle()
    taken: list[float] = []
    async with polls.caller(port) as session, polls.caller(port) as other:
        for _ in range(50):  # what the first requests load is no waiter's
            await polls.ask_health(other)
        warm = asyncio.create_task(polls.claim(session, "idle"))
        await polls.submit(other, "idle")
        await warm
        found.kib_before = _kib(process)
        waiting = await _wait(waiters, lambda: asyncio.create_task(_poll(session, taken)))
        before = process.cpu_times()
        began_at = time.monotonic()
        async for _ in polls.every(HEALTH_EVERY_S, began_at + seconds):
            found.health_ms.append(await polls.ask_health(other))
        after = process.cpu_times()
        used_s = after.user + after.system - before.user - before.system
        found.cpu_share = used_s / (time.monotonic() - began_at)
        found.kib_waiting = _kib(process)
        came_at = time.perf_counter()
        await polls.submit(other, "idle")
        await asyncio.sleep(1)
        found.taken, found.herd_ms = len(taken), (min(taken, default=0.0) - came_at) * 1000
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return found


async def _wait(count: int, begin: Callable[[], "asyncio.Task[None]"]) -> list["asyncio.Task[None]"]:
    waiting: list[asyncio.Task[None]] = []
    for _ in range(0, count, AT_ONCE):
        waiting += [begin() for _ in range(min(AT_ONCE, count - len(waiting)))]
        await asyncio.sleep(0.2)
    await asyncio.sleep(2)
    return waiting


async def _poll(session: polls.aiohttp.ClientSession, taken: list[float]) -> None:
    while not await polls.claim(session, "idle"):
        pass
    taken.append(time.perf_counter())


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench idle", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 waiters for 5 s; writes no files")
    parser.add_argument("--seconds", type=float, help="by default 30")
    return parser.parse_args(arguments)


def run(arguments: list[str]) -> None:
    chosen = _options(arguments)
    waiters = 200 if chosen.quick else WAITERS
    found: dict[str, Idle] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for kind in ("sqlite", "postgresql"):
            with (
                source(kind, folder, folder / "ids") as databases,
                serving(TASKYARD, databases.new(), folder) as server,
            ):
                seconds = chosen.seconds or (5 if chosen.quick else 30)
                found[databases.name] = asyncio.run(_measure(server.port, _web_process(server), waiters, seconds))
    told = _markdown(found, waiters, arguments)
    print(told)
    if not chosen.quick:
        (RESULTS / "idle.md").write_text(told)
        _draw(found, RESULTS / "idle.svg")


def _markdown(found: dict[str, Idle], waiters: int, arguments: list[str]) -> str:
    rows = "".join(
        f"| {name} | {one.mib:.1f} | {one.mib * 1024 / waiters:.1f} | {one.cpu_share:.1%} |"
        f" {polls.percentile(one.health_ms, 50):.1f} | {polls.percentile(one.health_ms, 99):.1f} | {one.herd_ms:.1f} |"
        f" {one.taken} |\n"
        for name, one in found.items()
    )
    return (
        "# Idle waiters\n\n"
        f"Made by `{' '.join(['python -m bench idle', *arguments])}`: one web process, {waiters:,} claims that wait on"
        " one empty queue. What they take beside what the process had before, how /healthz is answered meanwhile, and"
        " what happens when a single task comes; server, database and load on one machine.\n\n"
        "| | MiB more | KiB each | CPU of a core | /healthz p50 ms | p99 ms | one task taken after ms | by |\n"
        f"|---|---:|---:|---:|---:|---:|---:|---:|\n{rows}"
    )


def _draw(found: dict[str, Idle], path: Path) -> None:
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for name, one in found.items():
        ordered = sorted(one.health_ms)
        share = [(n + 1) / len(ordered) * 100 for n in range(len(ordered))]
        axes.step(ordered, share, where="post", label=f"{name}: {one.mib:.0f} MiB more")
    axes.set_xlabel("milliseconds of /healthz while all wait", fontsize=8)
    axes.set_ylabel("% of the requests", fontsize=8)
    axes.set_xlim(left=0)
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
