"""`python -m bench memory`: what web and dispatcher hold while very many tasks go through."""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import options, plot, report
from bench.databases import source
from bench.measure import Flow, by_flow
from bench.servers import TASKYARD, dispatching, serving

SLICE_S = 5.0
FLOW = Flow("flow", 100, 8)
MIB = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    tasks: int  # that went through so far
    web_mib: float
    dispatcher_mib: float


def _add(parser: argparse.ArgumentParser) -> None:
    options.add_databases(parser)
    parser.add_argument("--tasks", type=int, help="by default 1,000,000, or 40,000 if quick")


COMMAND = options.Command("memory", __doc__, "4 minutes on SQLite, 7 on PostgreSQL", "half a minute", _add)


def run(arguments: list[str]) -> None:
    options.need("wrk", "wrk")
    chosen = COMMAND.read(arguments)
    wanted = chosen.tasks or (40_000 if chosen.quick else 1_000_000)
    found: dict[str, list[Sample]] = {}
    for kind in options.databases(chosen):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, source(kind, Path(folder), None) as databases:
            found[databases.name] = _watch(databases.new(), databases.name, Path(folder), wanted)
    text = _markdown(found, chosen.command)
    report.publish_text("memory", text, lambda path: _draw(found, path), write=not chosen.quick)


def _watch(url: str, name: str, folder: Path, wanted: int) -> list[Sample]:
    """Enqueue, claim and settle by hundreds until so many tasks are through; a sample after every few seconds."""
    samples: list[Sample] = []
    with serving(TASKYARD, url, folder) as server, dispatching(url, server.port, folder) as dispatcher:
        tasks = 0
        while tasks < wanted:
            started = time.monotonic()
            sample = by_flow(server, FLOW, SLICE_S)
            tasks += int(sample.per_s * SLICE_S)
            samples.append(Sample(tasks, own_mib(server.process), own_mib(dispatcher)))
            told = samples[-1]
            print(f"{name:12} {tasks:9,} tasks  web {told.web_mib:6.1f} MiB", end="  ")
            print(f"dispatcher {told.dispatcher_mib:6.1f} MiB  ({time.monotonic() - started:.0f} s)", flush=True)
    return samples


def own_mib(root: psutil.Process) -> float:
    """What a process and its children hold for themselves alone: without pages of files and of their parent."""
    return sum(one.memory_full_info().uss for one in [root, *root.children(recursive=True)]) / MIB


def _markdown(found: dict[str, list[Sample]], command: str) -> str:
    rows = []
    for name, samples in found.items():
        half = next(one for one in samples if one.tasks >= samples[-1].tasks / 2)
        rows += [
            [name, f"{one.tasks:,}", f"{one.web_mib:.1f}", f"{one.dispatcher_mib:.1f}"]
            for one in dict.fromkeys([samples[0], half, samples[-1]])
        ]
    return (
        f"# Memory while tasks go through\n\nMade by `{command}`. {report.machine()} One web worker and its parent, one"
        " dispatcher; tasks are enqueued, claimed and settled by hundreds over HTTP. Memory that the processes hold for"
        " themselves alone (USS), in MiB. SQLite's connections keep up to 32 MiB of the database each, which may be why"
        " its web process grows at first.\n\n" + report.table(["", "tasks so far", "web", "dispatcher"], rows)
    )


def _draw(found: dict[str, list[Sample]], path: Path) -> None:
    panels: dict[str, dict[str, plot.Line]] = {
        name: {
            "web": ([one.tasks for one in samples], [one.web_mib for one in samples]),
            "dispatcher": ([one.tasks for one in samples], [one.dispatcher_mib for one in samples]),
        }
        for name, samples in found.items()
    }
    plot.lines(panels, ("tasks that went through", "MiB"), path)
