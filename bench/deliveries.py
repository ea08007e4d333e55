"""`python -m bench deliveries`: how many webhooks a second one dispatcher sends, and what it holds meanwhile."""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import func, select

from bench import options, plot, report, webhooks
from bench.databases import source
from bench.servers import dispatching, free_port, serving, tree_cpu_s
from taskyard.core.db import open_database
from taskyard.events.tables import pending_event
from taskyard.outbox.tables import delivery

ENDPOINTS = 50
LOOK_S = 0.5
GIVE_UP_S = 30.0  # without any progress
MIB = 1024 * 1024
GOAL_PER_S = 1000
GOAL_STATEMENTS = 4


@dataclass(frozen=True)
class Sample:
    """`at_s` counts from the first look at which something had been sent."""

    at_s: float
    sent: int
    rss_mib: float


@dataclass(frozen=True)
class Found:
    samples: list[Sample]
    per_s: float
    cpu_us: float  # of the dispatcher, for each delivery
    statements: float  # for each delivery


def _add(parser: argparse.ArgumentParser) -> None:
    options.add_databases(parser)
    parser.add_argument("--deliveries", type=int, help="by default 40,000, or 5,000 if quick")


COMMAND = options.Command("deliveries", __doc__, "4 minutes", "half a minute", _add)


def run(arguments: list[str]) -> None:
    chosen = COMMAND.read(arguments)
    wanted = chosen.deliveries or (5000 if chosen.quick else 40_000)
    found: dict[str, Found] = {}
    for kind in options.databases(chosen):
        with tempfile.TemporaryDirectory(prefix="bench-") as name, source(kind, Path(name), None) as databases:
            folder = Path(name)
            samples, per_s, cpu_us = _send(databases.new(), folder, wanted)
            statements = _count(databases.new(), folder, wanted // 10)
            found[databases.name] = Found(samples, per_s, cpu_us, statements)
            print(f"{databases.name:12} {per_s:6,.0f} deliveries/s, {statements:.2f} statements each", flush=True)
    text = _markdown(found, wanted, chosen.command)
    report.publish_text("deliveries", text, lambda path: _draw(found, path), write=not chosen.quick)


def _send(url: str, folder: Path, wanted: int) -> tuple[list[Sample], float, float]:
    """Let a dispatcher send so many: samples, deliveries a second, its microseconds of CPU for each."""
    with webhooks.receiving() as receiver:
        _prepare(url, folder, receiver, wanted)
        with dispatching(url, free_port(), folder, webhooks.SETTINGS) as dispatcher:
            samples = _watch(url, receiver, dispatcher, wanted)
            settled = _settled_s(url)
            return samples, wanted / settled, tree_cpu_s(dispatcher) / wanted * 1e6


def _prepare(url: str, folder: Path, receiver: webhooks.Receiver, wanted: int) -> None:
    with serving(webhooks.WEB, url, folder) as server:
        for number in range(ENDPOINTS):
            webhooks.endpoint(server.port, [f"shop.{number}"], f"http://127.0.0.1:{receiver.port}/{number}")
    webhooks.publish(url, wanted, ENDPOINTS)


def _watch(url: str, receiver: webhooks.Receiver, dispatcher: psutil.Process, wanted: int) -> list[Sample]:
    """Look again and again until all are settled.

    Raises:
        RuntimeError: it does not go on, or one was sent twice.
    """
    began_at, samples = 0.0, list[Sample]()
    moved_at = time.monotonic()
    while not samples or samples[-1].sent < wanted or _left(url, wanted):
        time.sleep(LOOK_S)
        now, sent = time.monotonic(), receiver.count
        if sent > (samples[-1].sent if samples else 0):
            began_at, moved_at = began_at or now, now
            samples.append(Sample(now - began_at, sent, dispatcher.memory_info().rss / MIB))
        elif now - moved_at > GIVE_UP_S:
            raise RuntimeError(f"Nothing has been sent for {GIVE_UP_S:.0f} s: {sent} of {wanted} came.")
    if samples[-1].sent != wanted:
        raise RuntimeError(f"{samples[-1].sent} requests came of {wanted} deliveries.")
    return samples


def _left(url: str, wanted: int) -> int:
    """How many have not been delivered."""
    database = open_database(url)
    with database.read.connect() as connection:
        pending = connection.execute(select(func.count()).select_from(pending_event)).scalar_one()
        settled = connection.execute(
            select(func.count()).select_from(delivery).where(delivery.c.status == "delivered")
        ).scalar_one()
    database.dispose()
    return pending + wanted - settled


def _settled_s(url: str) -> float:
    """Seconds from the moment the first delivery was made to that at which the last was settled."""
    database = open_database(url)
    with database.read.connect() as connection:
        first, last = connection.execute(
            select(func.min(delivery.c.created_at), func.max(delivery.c.finished_at))
        ).one()
    database.dispose()
    return (last - first).total_seconds()


def _count(url: str, folder: Path, wanted: int) -> float:
    """Statements for each delivery, in a run of its own: counting takes time."""
    kept = folder / "statements.json"
    settings = (*webhooks.SETTINGS, ("BENCH_STATEMENTS", str(kept)))
    with webhooks.receiving() as receiver:
        _prepare(url, folder, receiver, wanted)
        with dispatching(url, free_port(), folder, settings, "bench.counted"):
            _watch(url, receiver, psutil.Process(), wanted)
    found: int = json.loads(kept.read_text())["statements"]
    return found / wanted


def _markdown(found: dict[str, Found], wanted: int, command: str) -> str:
    rows = []
    for name, one in found.items():
        half = next(sample for sample in one.samples if sample.sent >= wanted / 2)
        held = [f"{sample.rss_mib:.1f}" for sample in (one.samples[0], half, one.samples[-1])]
        rows.append([name, f"{one.per_s:,.0f}", f"{one.cpu_us:.0f}", f"{one.statements:.2f}", *held])
    head = ["", "deliveries/s", "CPU µs each", "statements each", "RSS at the start", "middle", "end"]
    return (
        f"# Webhooks sent by one dispatcher\n\nMade by `{command}`. {report.machine()} {wanted:,} events, each heard by"
        f" one of {ENDPOINTS} endpoints, are fanned out, sent, answered 200 at once by one tiny process on 127.0.0.1,"
        " and settled. Every request has a connection of its own and is signed. The time runs from the first delivery"
        " that is made to the last that is settled. SQLite with synchronous=FULL, PostgreSQL with its defaults. The"
        " dispatcher's own CPU, its statements (each row of those that are run for many counts as one, on SQLite BEGIN"
        " and COMMIT too; all of its duties included) and its RSS in MiB. SQLite's connections keep up to 32 MiB of the"
        " database each, so the dispatcher grows until theirs are full. The goals:"
        f" {GOAL_PER_S:,} a second, {GOAL_STATEMENTS} statements, memory that stays.\n\n{report.table(head, rows)}"
    )


def _draw(found: dict[str, Found], path: Path) -> None:
    panels: dict[str, dict[str, plot.Line]] = {
        "deliveries sent": {
            name: ([one.at_s for one in of.samples], [one.sent for one in of.samples]) for name, of in found.items()
        },
        "RSS of the dispatcher, MiB": {
            name: ([one.at_s for one in of.samples], [one.rss_mib for one in of.samples]) for name, of in found.items()
        },
    }
    plot.lines(panels, ("seconds", ""), path)
