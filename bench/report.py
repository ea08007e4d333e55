"""What was found as a Markdown table and a picture in bench/results/."""

import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from bench import plot
from bench.results import Case, Results
from bench.servers import TASKYARD

RESULTS = Path(__file__).parent / "results"
OURS = ("flask", "flask-smorest", "marshmallow", "gunicorn", "gevent", "orjson")
THEIRS = ("fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "aiosqlite", "asyncpg")
BOTH = ("sqlalchemy", "psycopg")


def publish(name: str, results: Results, made: str, extra: str = "", *, write: bool) -> None:
    """Print a comparison with the twins and, if it is a whole one, write its table and its picture."""
    publish_text(name, markdown(results, made, extra), lambda path: plot.cases(results, path), write=write)


def publish_text(name: str, found: str, draw: Callable[[Path], None], *, write: bool) -> None:
    print(f"\n{found}", flush=True)
    if write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(found)
        draw(RESULTS / f"{name}.svg")


def markdown(results: Results, made: str, extra: str) -> str:
    parts = [f"# {results.title}\n", conditions(results, made), summary(results), *([extra] if extra else [])]
    for section, cases in results.sections.items():
        rows = [row for case in cases for row in _rows(case)]
        per_s, per = f"{results.item}s/s", f"/{results.item}"
        head = ["", "", per_s, "p50 ms", "p99 ms", f"CPU µs{per}", f"database's CPU µs{per}", "not 2xx"]
        parts.append(f"## {section}\n\n{table(head, rows, words=2)}")
    return "\n".join(parts)


def conditions(results: Results, made: str) -> str:
    return (
        f"{made} {machine()} One worker process each, medians of all rounds, the contenders in turn within each round."
        f" The load generator used {results.load_cpu:.0%} of one core at most. No access logs, unless a row says so."
        " SQLite: WAL, synchronous=FULL; PostgreSQL: its defaults. What is measured and by which rules:"
        " [bench/README.md](../README.md).\n\n"
        f"Taskyard: {versions(OURS)}. FastAPI: {versions(THEIRS)}. Both: {versions(BOTH)}.\n"
    )


def machine() -> str:
    python = f"{platform.python_implementation()} {sys.version.split()[0]}"
    return f"A machine of {os.cpu_count()} cores, {platform.system()}, {python}, shared by server, database and load."


def versions(names: Sequence[str]) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """A Markdown table whose first columns are words and the others numbers."""
    marks = ["---" if number < words else "---:" for number in range(len(head))]
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, marks, *rows])


def summary(results: Results) -> str:
    head = [
        "",
        f"against the better FastAPI form, {results.item}s/s",
        "rounds",
        "p99",
        f"CPU per {results.item}",
        "which form",
    ]
    rows = [_summary_row(section, case) for section, case in results if case.contested]
    return f"## In short\n\n{table(head, rows)}"


def _summary_row(section: str, case: Case) -> list[str]:
    ours, theirs, ratios = case.middle(TASKYARD.name), case.middle(case.rival), case.ratios()
    return [
        f"{section}: {case.title}",
        f"**{case.ratio:.2f} ×**",
        f"{min(ratios):.2f}–{max(ratios):.2f}",
        f"{ours.p99_ms:.1f} against {theirs.p99_ms:.1f} ms",
        f"{ours.cpu_us:.0f} against {theirs.cpu_us:.0f} µs",
        case.rival,
    ]


def _rows(case: Case) -> list[list[str]]:
    rows: list[list[str]] = []
    for contender in case.samples:
        found = case.middle(contender)
        database = "" if found.database_cpu_us is None else f"{found.database_cpu_us:.0f}"
        figures = [f"{found.per_s:,.0f}", f"{found.p50_ms:.1f}", f"{found.p99_ms:.1f}", f"{found.cpu_us:.0f}"]
        rows.append(["" if rows else case.title, contender, *figures, database, str(found.bad)])
    return rows
