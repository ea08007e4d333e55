"""The results as a Markdown table."""

import os
import platform
import sys
from importlib.metadata import version

from bench.measure import CONNECTIONS
from bench.results import Case, Results
from bench.servers import TASKYARD

OURS = ("flask", "flask-smorest", "marshmallow", "gunicorn", "gevent", "orjson")
THEIRS = ("fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "aiosqlite", "asyncpg")
BOTH = ("sqlalchemy", "psycopg")
HEAD = (
    "| | | requests/s | p50 ms | p99 ms | CPU µs/request | database's CPU µs/request | not 2xx |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|\n"
)


def markdown(results: Results, arguments: list[str]) -> str:
    parts = ["# Taskyard and the same contract in FastAPI\n", conditions(arguments), summary(results)]
    for section, cases in results.sections.items():
        rows = "".join(_rows(case) for case in cases)
        parts.append(f"## {section}\n\n{HEAD}{rows}")
    return "\n".join(parts)


def conditions(arguments: list[str]) -> str:
    command = " ".join(["python -m bench", *arguments])
    machine = (
        f"{os.cpu_count()} cores, {platform.system()}, {platform.python_implementation()} {sys.version.split()[0]}"
    )
    return (
        f"Made by `{command}` on a machine of {machine}, shared by server, database and load. One worker process each,"
        f" {CONNECTIONS} kept-alive connections, medians of all rounds, the contenders in turn within each round. No"
        " access logs, unless a row says so. SQLite: WAL, synchronous=FULL; PostgreSQL: its defaults. What is measured"
        " and by which rules: [bench/README.md](../README.md).\n\n"
        f"Taskyard: {_versions(OURS)}. FastAPI: {_versions(THEIRS)}. Both: {_versions(BOTH)}.\n"
    )


def _versions(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)


def summary(results: Results) -> str:
    head = (
        "| | against the better FastAPI form, req/s | rounds | p99 | CPU per request | which form |\n"
        "|---|---:|---:|---|---|---|\n"
    )
    return f"## In short\n\n{head}" + "".join(_summary_row(section, case) for section, case in results)


def _summary_row(section: str, case: Case) -> str:
    ours, theirs, ratios = case.middle(TASKYARD.name), case.middle(case.rival), case.ratios()
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    p99 = f"{ours.p99_ms:.1f} against {theirs.p99_ms:.1f} ms"
    cpu = f"{ours.cpu_us:.0f} against {theirs.cpu_us:.0f} µs"
    return f"| {section}: {case.title} | **{case.ratio:.2f} ×** | {spread} | {p99} | {cpu} | {case.rival} |\n"


def _rows(case: Case) -> str:
    lines: list[str] = []
    for contender in case.samples:
        found = case.middle(contender)
        database = "" if found.database_cpu_us is None else f"{found.database_cpu_us:.0f}"
        figures = f"{found.per_s:,.0f} | {found.p50_ms:.1f} | {found.p99_ms:.1f} | {found.cpu_us:.0f}"
        title = case.title if not lines else ""
        lines.append(f"| {title} | {contender} | {figures} | {database} | {found.bad} |\n")
    return "".join(lines)
