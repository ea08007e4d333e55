"""`python -m bench growth`: what a claim takes with more and more tasks waiting."""

import argparse
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench import fill, options, plot, report
from bench.caller import TASK, Caller, percentile
from bench.databases import source
from bench.servers import TASKYARD, Server, serving

STEPS = ((1_000, 0), (100_000, 0), (1_000_000, 0), (1_000_000, 5_000_000))  # ready, scheduled
QUICK = ((1_000, 0), (20_000, 0), (20_000, 50_000))
GOAL_MS = 10.0


@dataclass(frozen=True)
class Found:
    database: str
    ready: int
    scheduled: int
    claims: list[float]  # milliseconds
    enqueues: list[float]

    @property
    def size(self) -> str:
        return f"{self.ready:,} ready, {self.scheduled:,} scheduled"


def _add(parser: argparse.ArgumentParser) -> None:
    options.add_databases(parser)
    parser.add_argument("--claims", type=int, help="timed at each size; by default 2,000, or 300 if quick")


COMMAND = options.Command("growth", __doc__, "8 minutes, and 12 GB below the temporary folder", "half a minute", _add)


def run(arguments: list[str]) -> None:
    chosen = COMMAND.read(arguments)
    found: list[Found] = []
    for kind in options.databases(chosen):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found += _grow(
                kind, Path(folder), QUICK if chosen.quick else STEPS, chosen.claims or (300 if chosen.quick else 2000)
            )
    whole = not (chosen.quick or chosen.database)
    report.publish_text("growth", _markdown(found, chosen.command), lambda path: _draw(found, path), write=whole)


def _grow(kind: str, folder: Path, steps: tuple[tuple[int, int], ...], claims: int) -> list[Found]:
    found = []
    with source(kind, folder, None) as databases:
        url, numbers, before = databases.new(), 0, (0, 0)
        for step in steps:
            started = time.monotonic()
            for count, scheduled in ((step[0] - before[0], False), (step[1] - before[1], True)):
                fill.fill(url, numbers, numbers + count, scheduled=scheduled)
                numbers += count
            before = step
            with serving(TASKYARD, url, folder) as server:
                times = _time(server, claims)
            found.append(Found(databases.name, *step, *times))
            p50, p99 = percentile(times[0], 50), percentile(times[0], 99)
            print(f"{databases.name:12} {found[-1].size:40} p50 {p50:5.2f} ms  p99 {p99:5.2f} ms", end="  ", flush=True)
            print(f"({time.monotonic() - started:.0f} s)", flush=True)
    return found


def _time(server: Server, claims: int) -> tuple[list[float], list[float]]:
    """Claim one task after the other, with as many coming in as go out; the first tenth only warms up."""
    claimed, enqueued = [], []
    with closing(Caller(server.port)) as caller:
        for _ in range(claims + claims // 10):
            leases, took_ms = caller.claim()
            if len(leases) != 1:
                raise RuntimeError("A claim found nothing although tasks are waiting.")
            claimed.append(took_ms)
            enqueued.append(caller.post("/v1/tasks", TASK)[1])
    return claimed[claims // 10 :], enqueued[claims // 10 :]


def _markdown(found: list[Found], command: str) -> str:
    rows = [
        [
            one.database,
            f"{one.ready:,}",
            f"{one.scheduled:,}",
            *(f"{percentile(one.claims, p):.2f}" for p in (50, 99)),
            f"{max(one.claims):.1f}",
            *(f"{percentile(one.enqueues, p):.2f}" for p in (50, 99)),
        ]
        for one in found
    ]
    head = ["", "ready", "scheduled", "claim p50 ms", "claim p99 ms", "slowest ms", "enqueue p50 ms", "enqueue p99 ms"]
    worst = max(percentile(one.claims, 99) for one in found)
    return (
        f"# A claim with more and more tasks waiting\n\nMade by `{command}`. {report.machine()} One web worker, one"
        f" client, {len(found[0].claims):,} claims of one task at each size, over HTTP; after each a task is enqueued,"
        " so that the size stays. The goal is a p99 below"
        f" {GOAL_MS:.0f} ms at every size; the highest found is {worst:.2f} ms.\n\n{report.table(head, rows)}"
    )


def _draw(found: list[Found], path: Path) -> None:
    panels: dict[str, dict[str, plot.Line]] = {}
    for database in dict.fromkeys(one.database for one in found):
        steps = [one for one in found if one.database == database]
        waiting = [one.ready + one.scheduled for one in steps]
        panels[database] = {
            "p50": (waiting, [percentile(one.claims, 50) for one in steps]),
            "p99": (waiting, [percentile(one.claims, 99) for one in steps]),
        }
    plot.lines(panels, ("tasks waiting", "ms for a claim"), path, log=True)
