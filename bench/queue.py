"""`python -m bench queue`: tasks on their way through the queue, over HTTP, with one web worker.

One by one against the FastAPI twins, and by batches.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import databases, options, report
from bench.databases import Source, source
from bench.http import tell, turned
from bench.measure import Flow, by_flow
from bench.results import Case, Results
from bench.servers import ASYNC, SYNC, TASKYARD, Server, serving

# What the twins do as well.
CONTESTED = {
    "POST /v1/tasks": Flow("post", 1, 32),
    "enqueue, claim, settle one by one": Flow("flow", 1, 32),
    "claim 100, settle 100": Flow("drain", 100, 4),
}
ALONE = {
    "POST /v1/tasks/batch of 100": Flow("batch", 100, 4),
    "POST /v1/tasks/batch of 1,000": Flow("batch", 1000, 4),
    "enqueue 100, claim 100, settle 100": Flow("flow", 100, 8),
}
IN = "POST /v1/tasks/batch of 1,000"
THROUGH = "claim 100, settle 100"
MOST_PER_S = 30_000  # tasks a second that a drain may settle without running dry


def _add(parser: argparse.ArgumentParser) -> None:
    options.add_databases(parser)
    parser.add_argument("--rounds", type=int, help="by default 3, or 1 if quick")
    parser.add_argument("--seconds", type=float, help="of each measurement; by default 5, or 2 if quick")


COMMAND = options.Command("queue", __doc__, "8 minutes", "2 minutes", _add)


def run(arguments: list[str]) -> None:
    options.need("wrk", "wrk")
    chosen = COMMAND.read(arguments)
    rounds = chosen.rounds or (1 if chosen.quick else 3)
    seconds = chosen.seconds or (2 if chosen.quick else 5)
    results = Results("Tasks through the queue, over HTTP", "task")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for kind in options.databases(chosen):
            with source(kind, Path(folder), Path(folder) / "ids") as found:
                _measure(found, Path(folder), rounds, seconds, results)
    made = f"Made by `{chosen.command}`: 32 kept-alive connections one by one, 4 to 8 by batches."
    whole = not (chosen.quick or chosen.database)
    report.publish("queue", results, made, "" if chosen.database else _goals(results), write=whole)


def _measure(found: Source, folder: Path, rounds: int, seconds: float, results: Results) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(c, found.new(), folder)) for c in (TASKYARD, SYNC, ASYNC)]
        for server in servers:
            by_flow(server, CONTESTED["enqueue, claim, settle one by one"], 1)
        for number in range(rounds):
            for title, flow in (CONTESTED | ALONE).items():
                contenders = turned(servers, number) if title in CONTESTED else servers[:1]
                for server in contenders:
                    _one(found, server, title, flow, seconds, results)


def _one(found: Source, server: Server, title: str, flow: Flow, seconds: float, results: Results) -> None:
    if flow.case == "drain":
        databases.top_up(server.database, int(seconds * MOST_PER_S))
    sample = by_flow(server, flow, seconds, found.pid)
    results.case(found.name, title).add(server.contender.name, sample)
    tell(found.name, title, server.contender, sample.per_s, sample.p99_ms)


def _goals(results: Results) -> str:
    """What was promised, and what came out."""

    def per_s(section: str, title: str) -> float:
        return results.case(section, title).middle(TASKYARD.name).per_s

    def contested(section: str, title: str) -> Case:
        return results.case(section, title)

    rows: list[list[str]] = []
    for section in ("SQLite", "PostgreSQL"):
        rows += [
            [f"{section}: POST against FastAPI", "2.5 ×", f"{contested(section, 'POST /v1/tasks').ratio:.2f} ×"],
            [
                f"{section}: enqueue, claim, settle against FastAPI",
                "3 ×",
                f"{contested(section, 'enqueue, claim, settle one by one').ratio:.2f} ×",
            ],
        ]
    rows += [
        ["SQLite: in, by batches", "10,000/s", f"{per_s('SQLite', IN):,.0f}/s"],
        ["SQLite: through claim and settle, by batches", "5,000/s", f"{per_s('SQLite', THROUGH):,.0f}/s"],
        ["PostgreSQL against SQLite: in", "0.67 ×", f"{per_s('PostgreSQL', IN) / per_s('SQLite', IN):.2f} ×"],
        [
            "PostgreSQL against SQLite: through",
            "0.67 ×",
            f"{per_s('PostgreSQL', THROUGH) / per_s('SQLite', THROUGH):.2f} ×",
        ],
    ]
    return f"## The goals\n\n{report.table(['', 'goal', 'found'], rows)}"
