"""`python -m bench http`: single reads and writes, and an endpoint that waits, against the FastAPI twins."""

import argparse
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import options, report
from bench.databases import Source, source
from bench.measure import CONNECTIONS, by_waiting, by_wrk
from bench.results import Results
from bench.servers import ASYNC, SYNC, SYNC_IO, TASKYARD, TASKYARD_IO, Contender, Server, serving

CONTENDERS = (TASKYARD, SYNC, ASYNC)
TITLES = {"get": "GET /v1/tasks/{id}", "post": "POST /v1/tasks"}
WAITS = {"50 at once, 200 requests": (50, 200), "1,000 at once, 4,000 requests": (1000, 4000)}


def _add(parser: argparse.ArgumentParser) -> None:
    options.add_databases(parser)
    parser.add_argument("--case", choices=["get", "post", "io"], action="append", help="only this one")
    parser.add_argument("--rounds", type=int, help="by default 5, or 2 if quick")
    parser.add_argument("--seconds", type=float, help="of each measurement; by default 8, or 2 if quick")


COMMAND = options.Command("http", __doc__, "12 minutes with 5 rounds of 8 s", "2 minutes", _add)


@dataclass
class Bench:
    """One run."""

    folder: Path
    rounds: int
    seconds: float
    results: Results

    @property
    def ids(self) -> Path:
        return self.folder / "ids"

    def data(self, kind: str, cases: list[str]) -> None:
        """Read and write tasks on one kind of database."""
        with source(kind, self.folder, self.ids) as databases, ExitStack() as stack:
            servers = [stack.enter_context(serving(c, databases.new(), self.folder)) for c in CONTENDERS]
            for case in cases:
                self._warm_up(servers, case)
            for number in range(self.rounds):
                for case in cases:
                    self._round(databases, databases.name, case, turned(servers, number))

    def logged(self) -> None:
        """The same reads with everybody writing an access log."""
        with source("sqlite", self.folder, self.ids) as databases, ExitStack() as stack:
            start = stack.enter_context
            servers = [start(serving(c, databases.new(), self.folder, access_log=True)) for c in CONTENDERS]
            self._warm_up(servers, "get")
            for number in range(self.rounds):
                self._round(databases, "SQLite, with access logs", "get", turned(servers, number))

    def _warm_up(self, servers: list[Server], case: str) -> None:
        for server in servers:
            by_wrk(server, case, self.ids, 1)

    def _round(self, databases: Source, section: str, case: str, servers: list[Server]) -> None:
        for server in servers:
            sample = by_wrk(server, case, self.ids, self.seconds, databases.pid)
            self.results.case(section, TITLES[case]).add(server.contender.name, sample)
            tell(section, TITLES[case], server.contender, sample.per_s, sample.p99_ms)

    def waits(self) -> None:
        """An endpoint that waits 50 ms."""
        section = "An endpoint that waits 50 ms"
        with source("sqlite", self.folder, self.ids) as databases, ExitStack() as stack:
            contenders = (TASKYARD_IO, SYNC_IO, ASYNC)
            servers = [stack.enter_context(serving(c, databases.new(), self.folder)) for c in contenders]
            for server in servers:
                by_waiting(server, "/io", 50, 200)
            for number in range(self.rounds):
                for title, (connections, requests) in WAITS.items():
                    for server in turned(servers, number):
                        sample = by_waiting(server, "/io", connections, requests)
                        self.results.case(section, title).add(server.contender.name, sample)
                        tell(section, title, server.contender, sample.per_s, sample.p99_ms)


def turned(servers: list[Server], number: int) -> list[Server]:
    """Each round begins with another server."""
    start = number % len(servers)
    return servers[start:] + servers[:start]


def tell(section: str, title: str, contender: Contender, per_s: float, p99_ms: float) -> None:
    print(f"{section:28} {title:30} {contender.name:15} {per_s:9,.0f}/s   p99 {p99_ms:7.1f} ms", flush=True)


def run(arguments: list[str]) -> None:
    options.need("wrk", "wrk")
    chosen = COMMAND.read(arguments)
    cases = chosen.case or ["get", "post", "io"]
    data_cases = [case for case in cases if case in TITLES]
    results = Results("Taskyard and the same contract in FastAPI", "request")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        rounds = chosen.rounds or (2 if chosen.quick else 5)
        bench = Bench(Path(folder), rounds, chosen.seconds or (2 if chosen.quick else 8), results)
        for kind in options.databases(chosen):
            if data_cases:
                bench.data(kind, data_cases)
        if "io" in cases:
            bench.waits()
        everything = not (chosen.quick or chosen.database or chosen.case)
        if everything:
            bench.logged()
    report.publish(
        "http", results, f"Made by `{chosen.command}`: {CONNECTIONS} kept-alive connections.", write=everything
    )
