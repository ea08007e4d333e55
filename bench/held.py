"""`python -m bench held`: a steady load on PostgreSQL while another transaction stays open.

What such a transaction can still see is not vacuumed, so the rows that claims have taken stay in the index as dead
entries at the head of the line: what makes other queues on PostgreSQL slower and slower.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

import psycopg

from bench import options, plot, report
from bench.caller import TASK, Caller, percentile
from bench.databases import source
from bench.servers import TASKYARD, dispatching, serving

SIZE = 20  # tasks of one request
WORKERS = 3
PAUSE_S = 0.02  # of a worker that has found less than it could take
WINDOW_S = 10
BEFORE_S = 20  # of load before the transaction is opened, to compare with
GOAL_MS = 10.0


@dataclass
class Load:
    """What producer and workers have seen; each thread appends, and nobody removes."""

    rate: int
    size: int
    stop: threading.Event = field(default_factory=threading.Event)
    stored: list[float] = field(default_factory=list)  # when each batch came in
    claims: list[tuple[float, float, int]] = field(default_factory=list)  # when, milliseconds, tasks
    broken: list[BaseException] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def produce(self, caller: Caller) -> None:
        next_at = time.monotonic()
        while not self.stop.is_set():
            caller.post("/v1/tasks/batch", {"tasks": [TASK] * self.size})
            self.stored.append(time.monotonic() - self.started)
            next_at += self.size / self.rate
            self.stop.wait(max(0.0, next_at - time.monotonic()))

    def work(self, caller: Caller) -> None:
        while not self.stop.is_set():
            leases, took_ms = caller.claim(self.size)
            self.claims.append((time.monotonic() - self.started, took_ms, len(leases)))
            if leases:
                caller.settle(leases)
            if len(leases) < self.size:
                self.stop.wait(PAUSE_S)


@dataclass(frozen=True)
class Window:
    at_s: float
    held: bool
    p50_ms: float
    p99_ms: float
    per_s: float
    backlog: int


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=int, help="that the transaction is open; by default 600, or 20 if quick")
    parser.add_argument("--rate", type=int, default=1000, help="tasks a second; by default 1000")
    parser.add_argument("--web", type=int, default=2, help="web processes; by default 2, one for each core here")
    parser.add_argument("--size", type=int, default=SIZE, help="tasks of one request, 100 at most; by default 20")


COMMAND = options.Command("held", __doc__, "11 minutes (or --seconds and half a minute)", "40 seconds", _add)


def run(arguments: list[str]) -> None:
    chosen = COMMAND.read(arguments)
    seconds = chosen.seconds or (20 if chosen.quick else 600)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, source("postgresql", Path(name), None) as databases:
        url = databases.new()
        web = replace(TASKYARD, settings=(("WEB_CONCURRENCY", str(chosen.web)),))
        with serving(web, url, Path(name)) as server, dispatching(url, server.port, Path(name)):
            load = Load(chosen.rate, chosen.size)
            with _loaded(load, server.port):
                opened_s = _hold(load, url, seconds)
    windows = _windows(load, opened_s)
    text = _markdown(windows, chosen, load, seconds)
    report.publish_text("held", text, lambda path: _draw(windows, path), write=not chosen.quick)


@contextmanager
def _loaded(load: Load, port: int) -> Iterator[None]:
    """A producer and some workers, each a thread with a connection of its own."""

    def until_stopped(deed: str) -> None:
        with closing(Caller(port)) as caller:
            try:
                getattr(load, deed)(caller)
            except BaseException as error:
                load.broken.append(error)
                load.stop.set()
                raise

    threads = [threading.Thread(target=until_stopped, args=(deed,)) for deed in ["produce", *["work"] * WORKERS]]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()
    if load.broken:
        raise RuntimeError("The load broke off.") from load.broken[0]


def _hold(load: Load, url: str, seconds: int) -> float:
    """Keep a transaction open that has seen the queue, after some time without; when it was opened."""
    load.stop.wait(BEFORE_S)
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT count(*) FROM ready")
        opened_s = time.monotonic() - load.started
        while (left_s := opened_s + seconds - (time.monotonic() - load.started)) > 0 and not load.stop.is_set():
            load.stop.wait(min(left_s, WINDOW_S))
            _tell(load)
        connection.rollback()
    return opened_s


def _windows(load: Load, opened_s: float) -> list[Window]:
    """What was seen, ten seconds at a time; the last one that is whole comes last."""
    return [_window(load, number, opened_s) for number in range(_whole(load))]


def _whole(load: Load) -> int:
    return max(1, int(load.claims[-1][0] // WINDOW_S))


def _window(load: Load, number: int, opened_s: float) -> Window:
    start, end = number * WINDOW_S, (number + 1) * WINDOW_S
    claims, stored = list(load.claims), list(load.stored)
    inside = [one for one in claims if start <= one[0] < end]
    times = [ms for _, ms, _ in inside]
    came, went = sum(at < end for at in stored) * load.size, sum(tasks for at, _, tasks in claims if at < end)
    per_s = sum(tasks for _, _, tasks in inside) / WINDOW_S
    p50, p99 = percentile(times, 50), percentile(times, 99)
    return Window(end, start >= opened_s, p50, p99, per_s, max(0, came - went))


def _tell(load: Load) -> None:
    """Say how the last seconds went, by looking at them alone: the load waits meanwhile, as it is Python, too."""
    since = load.claims[-1][0] - WINDOW_S
    last = list(takewhile(lambda one: one[0] >= since, reversed(load.claims)))
    times = [ms for _, ms, _ in last]
    print(
        f"{since + WINDOW_S:5.0f} s  claims p50 {percentile(times, 50):5.1f} ms  p99 {percentile(times, 99):6.1f} ms"
        f"  {sum(tasks for *_, tasks in last) / WINDOW_S:6,.0f} tasks/s",
        flush=True,
    )


def _markdown(windows: list[Window], chosen: argparse.Namespace, load: Load, seconds: int) -> str:
    # A dozen rows are enough; the picture has them all.
    shown = windows[:: max(1, len(windows) // 12)]
    shown = [*shown, *([] if shown[-1] is windows[-1] else [windows[-1]])]
    rows = [
        [
            f"{one.at_s:.0f} s",
            "yes" if one.held else "no",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{one.per_s:,.0f}",
            f"{one.backlog:,}",
        ]
        for one in shown
    ]
    held = [one for one in windows if one.held] or windows[-1:]
    inside = [ms for at, ms, _ in load.claims if at >= held[0].at_s - WINDOW_S]
    return (
        f"# A queue under load while another transaction stays open\n\nMade by `{chosen.command}`. {report.machine()}"
        f" PostgreSQL with its defaults, {chosen.web} web workers, one dispatcher, a producer of {load.rate:,} tasks a"
        f" second and {WORKERS} workers over HTTP, {load.size} tasks a request. From {BEFORE_S} s on a REPEATABLE READ"
        f" transaction is open for {seconds} s. The goal: a p99 of claims below {GOAL_MS:.0f} ms, and no backlog."
        f" All claims with it open: p50 {percentile(inside, 50):.1f} ms, p99 {percentile(inside, 99):.1f} ms; the last"
        f" ten seconds: {held[-1].p99_ms:.1f} ms, backlog {held[-1].backlog:,}; the worst ten seconds with it open:"
        f" {max(one.p99_ms for one in held):.1f} ms.\n\n"
        + report.table(["after", "it is open", "claim p50 ms", "p99 ms", "tasks/s out", "backlog"], rows)
    )


def _draw(windows: list[Window], path: Path) -> None:
    at = [one.at_s for one in windows]
    panels: dict[str, dict[str, plot.Line]] = {
        f"claims, ms (transaction open from {BEFORE_S} s on)": {
            "p50": (at, [one.p50_ms for one in windows]),
            "p99": (at, [one.p99_ms for one in windows]),
        },
        "tasks waiting": {"backlog": (at, [one.backlog for one in windows])},
    }
    plot.lines(panels, ("seconds", ""), path)
