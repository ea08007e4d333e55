"""Pick-up: how long after its submission was answered a task is in the hands of a worker that waited for it.

Three web processes; the workers and those who submit are spread over them as the kernel likes.
"""

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

from matplotlib.figure import Figure

from bench import polls
from bench.databases import source
from bench.servers import Contender, serving

WEB = Contender("Taskyard", "wsgi:app", taskyard=True, settings=(("WEB_CONCURRENCY", "3"),))
WORKERS = 4  # few, so that most tasks come to a process in which none of them waits
SUBMITTERS = 6
EVERY_S = 0.08
RESULTS = Path(__file__).parent / "results"
Found = dict[str, list[float]]  # milliseconds, by database


class Run:
    """When each task was accepted, and when a worker had it."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.accepted_at: dict[str, float] = {}
        self.taken_at: dict[str, float] = {}

    def pickups(self) -> list[float]:
        """In milliseconds; 0 where the worker had it before the submission was answered."""
        both = self.accepted_at.keys() & self.taken_at.keys()
        return [max(0.0, self.taken_at[task] - self.accepted_at[task]) * 1000 for task in both]

    async def work(self, port: int) -> None:
        async with polls.caller(port) as session:
            while True:
                leases = await polls.claim(session, self.queue)
                at = time.perf_counter()
                self.taken_at.update((lease["task"]["id"], at) for lease in leases)
                if leases:
                    await polls.settle(session, leases)

    async def submit(self, port: int, seconds: float) -> None:
        async with polls.caller(port) as session:
            async for _ in polls.every(EVERY_S * SUBMITTERS, time.monotonic() + seconds):
                await asyncio.sleep(random.uniform(0, EVERY_S * SUBMITTERS / 2))
                task = await polls.submit(session, self.queue)
                self.accepted_at[task] = time.perf_counter()


async def _measure(port: int, seconds: float) -> list[float]:
    run = Run("pickup")
    workers = [asyncio.create_task(run.work(port)) for _ in range(WORKERS)]
    await asyncio.sleep(2)  # until all wait, and processes hear one another
    await asyncio.gather(*(run.submit(port, seconds) for _ in range(SUBMITTERS)))
    await asyncio.sleep(1)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    if run.accepted_at.keys() != run.taken_at.keys():
        raise RuntimeError(f"{len(run.accepted_at)} tasks were accepted and {len(run.taken_at)} taken")
    return run.pickups()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench pickup", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 s a database; writes no files")
    parser.add_argument("--seconds", type=float, help="by default 30")
    return parser.parse_args(arguments)


def run(arguments: list[str]) -> None:
    chosen = _options(arguments)
    found: Found = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for kind in ("sqlite", "postgresql"):
            with source(kind, folder, folder / "ids") as databases, serving(WEB, databases.new(), folder) as server:
                seconds = chosen.seconds or (5 if chosen.quick else 30)
                found[databases.name] = asyncio.run(_measure(server.port, seconds))
    told = _markdown(found, arguments)
    print(told)
    if not chosen.quick:
        (RESULTS / "pickup.md").write_text(told)
        _draw(found, RESULTS / "pickup.svg")


def _markdown(found: Found, arguments: list[str]) -> str:
    rows = "".join(
        f"| {name} | {len(times):,} | "
        + " | ".join(f"{polls.percentile(times, percent):.1f}" for percent in (50, 90, 99, 100))
        + " |\n"
        for name, times in found.items()
    )
    return (
        "# From submission to pick-up\n\n"
        f"Made by `{' '.join(['python -m bench pickup', *arguments])}`: milliseconds from the answer of POST /v1/tasks"
        f" to the moment at which a worker has the task. Three web processes, {WORKERS} waiting workers, a task every"
        f" {EVERY_S * 1000:.0f} ms; server, database and load on one machine.\n\n"
        f"| | tasks | p50 | p90 | p99 | longest |\n|---|---:|---:|---:|---:|---:|\n{rows}"
    )


def _draw(found: Found, path: Path) -> None:
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for name, times in found.items():
        ordered = sorted(times)
        axes.step(ordered, [(n + 1) / len(ordered) * 100 for n in range(len(ordered))], where="post", label=name)
    axes.set_xlabel("milliseconds until a worker has the task", fontsize=8)
    axes.set_ylabel("% of the tasks", fontsize=8)
    axes.set_xlim(left=0)
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
