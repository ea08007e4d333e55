"""`python -m bench blackhole`: how soon an event is first tried while another endpoint hangs with a huge backlog."""

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import options, plot, polls, report, webhooks
from bench.caller import percentile
from bench.databases import source
from bench.deliveries import MIB
from bench.servers import Server, dispatching, serving

WAITING = 500_000
ENDPOINTS = 20
PER_S = 20.0
GOAL_S = 1.0
LOOK_S = 1.0


@dataclass(frozen=True)
class Found:
    first_ms: list[float]  # from the answer of POST /v1/events to the first request
    rss: list[tuple[float, float]]  # of the dispatcher: seconds, MiB
    hung: int  # requests that the hole has got


def _add(parser: argparse.ArgumentParser) -> None:
    options.add_databases(parser)
    parser.add_argument("--seconds", type=float, help="by default 40, or 10 if quick")
    parser.add_argument("--waiting", type=int, help="deliveries that the hole holds; by default 500,000, or 20,000")


COMMAND = options.Command("blackhole", __doc__, "4 minutes", "a minute", _add)


def run(arguments: list[str]) -> None:
    chosen = COMMAND.read(arguments)
    seconds = chosen.seconds or (10 if chosen.quick else 40)
    waiting = chosen.waiting or (20_000 if chosen.quick else WAITING)
    found: dict[str, Found] = {}
    for kind in options.databases(chosen):
        with tempfile.TemporaryDirectory(prefix="bench-") as name, source(kind, Path(name), None) as databases:
            found[databases.name] = one = _measure(databases.new(), Path(name), waiting, seconds)
            p50, p99 = percentile(one.first_ms, 50), percentile(one.first_ms, 99)
            print(f"{databases.name:12} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms", flush=True)
    text = _markdown(found, waiting, chosen.command)
    report.publish_text("blackhole", text, lambda path: _draw(found, path), write=not chosen.quick)


def _measure(url: str, folder: Path, waiting: int, seconds: float) -> Found:
    with webhooks.receiving() as receiver, serving(webhooks.WEB, url, folder) as server:
        hole = webhooks.endpoint(server.port, ["hole.x"], f"http://127.0.0.1:{receiver.hole}/", concurrency=100)
        for number in range(ENDPOINTS):
            webhooks.endpoint(server.port, [f"shop.{number}"], f"http://127.0.0.1:{receiver.port}/{number}")
        webhooks.pile_up(url, hole, waiting)
        with dispatching(url, server.port, folder, webhooks.SETTINGS) as dispatcher:
            time.sleep(3)  # until requests hang
            rss: list[tuple[float, float]] = []
            accepted = asyncio.run(_publish(server, dispatcher, seconds, rss))
            time.sleep(3)
        first, hung = receiver.first(), webhooks.tries(url, hole)
    if missing := accepted.keys() - first.keys():
        raise RuntimeError(f"{len(missing)} of {len(accepted)} events were not sent within 3 s.")
    if not hung:
        raise RuntimeError("The hole was not tried.")
    return Found([max(0.0, first[id_] - at) * 1000 for id_, at in accepted.items()], rss, hung)


async def _publish(
    server: Server, dispatcher: psutil.Process, seconds: float, rss: list[tuple[float, float]]
) -> dict[str, float]:
    """Publish events for the other endpoints, and look at the dispatcher: when each was accepted."""
    accepted: dict[str, float] = {}
    began_at, number = time.monotonic(), 0
    async with polls.caller(server.port) as session:
        async for _ in polls.every(1 / PER_S, began_at + seconds):
            sent = {"type": f"shop.{number % ENDPOINTS}", "data": {"number": number}}
            async with session.post("/v1/events", json=sent) as answer:
                answer.raise_for_status()
                event_id = (await answer.json())["id"]
            accepted[event_id] = time.monotonic()
            if number % int(PER_S * LOOK_S) == 0:
                rss.append((time.monotonic() - began_at, dispatcher.memory_info().rss / MIB))
            number += 1
    return accepted


def _markdown(found: dict[str, Found], waiting: int, command: str) -> str:
    rows = []
    for name, one in found.items():
        times = [f"{percentile(one.first_ms, p):.1f}" for p in (50, 90, 99, 100)]
        held = [f"{one.rss[at][1]:.1f}" for at in (0, len(one.rss) // 2, -1)]
        rows.append([name, f"{len(one.first_ms):,}", *times, f"{one.hung:,}", *held])
    head = ["", "events", "p50 ms", "p90 ms", "p99 ms", "slowest ms", "tries of the hole"]
    return (
        f"# Beside a receiver that never answers\n\nMade by `{command}`. {report.machine()} One web process, one"
        f" dispatcher. An endpoint that takes connections and never answers has {waiting:,} deliveries that are due,"
        f" and a concurrency of 100. Meanwhile {PER_S:g} events a second are published over HTTP for {ENDPOINTS}"
        " others. The time runs from the answer that an event is accepted to the moment at which its receiver has the"
        f" request; the goal is a p99 below {GOAL_S * 1000:,.0f} ms. RSS of the dispatcher in MiB.\n\n"
        + report.table([*head, "RSS at the start", "middle", "end"], rows)
    )


def _draw(found: dict[str, Found], path: Path) -> None:
    panels: dict[str, dict[str, plot.Line]] = {"% of the events first tried within ms": {}, "RSS of the dispatcher": {}}
    tried, held = panels.values()
    for name, one in found.items():
        ordered = sorted(one.first_ms)
        tried[name] = (ordered, [(n + 1) / len(ordered) * 100 for n in range(len(ordered))])
        held[name] = ([at for at, _ in one.rss], [mib for _, mib in one.rss])
    plot.lines(panels, ("milliseconds; seconds", "%; MiB"), path)
