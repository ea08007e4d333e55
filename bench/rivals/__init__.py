"""`python -m bench rivals`: Taskyard beside other task queues, with the same task that does nothing."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import options, plot, report
from bench.databases import postgresql, source
from bench.rivals.field import Runner, field
from bench.rivals.race import Run, middle
from bench.rivals.race import run as race

Found = dict[str, tuple[Runner, Run]]


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, help="by default 3, or 1 if quick")
    parser.add_argument("--only", action="append", help="those whose name holds this")


COMMAND = options.Command("rivals", __doc__, "13 minutes", "1 minute", _add)


def run(arguments: list[str]) -> None:
    options.need("redis-server", "redis-server")
    options.need("npm", "npm")
    chosen = COMMAND.read(arguments)
    rounds = chosen.rounds or (1 if chosen.quick else 3)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        ours = stack.enter_context(source("sqlite", folder, None)), stack.enter_context(postgresql(folder, None))
        runners = field(*ours, quick=chosen.quick)
        if chosen.only:
            runners = [one for one in runners if any(word in one.name for word in chosen.only)]
        found = _rounds(runners, rounds, folder)
    text = _markdown(found, chosen.command)
    whole = not (chosen.quick or chosen.only)
    report.publish_text("rivals", text, lambda path: plot.ranking(_panels(found), "tasks/s", path), write=whole)


def _rounds(runners: list[Runner], rounds: int, folder: Path) -> Found:
    runs: dict[str, list[Run]] = {}
    for number in range(rounds):
        start = number % len(runners)
        for runner in runners[start:] + runners[:start]:
            inside = Path(tempfile.mkdtemp(dir=folder))
            try:
                one = race(runner, inside)
            except RuntimeError as error:  # one that fails must not cost the others their figures
                print(f"{runner.name}: {error}", file=sys.stderr, flush=True)
                continue
            runs.setdefault(runner.name, []).append(one)
            print(f"{runner.name:45} in {one.single:7,.0f}/s, at once {one.batch or 0:8,.0f}/s,", end=" ")
            print(f"out {one.drain:7,.0f}/s, end to end {one.to_end:7,.0f}/s", flush=True)
    return {one.name: (one, middle(runs[one.name])) for one in runners if one.name in runs}


def _panels(found: Found) -> dict[str, dict[str, float]]:
    return {
        "enqueued one by one": {name: one.single for name, (_, one) in found.items()},
        "enqueued at once": {name: one.batch for name, (_, one) in found.items() if one.batch is not None},
        "drained by one worker process": {name: one.drain for name, (_, one) in found.items()},
        "end to end, by the faster way in": {name: one.to_end for name, (_, one) in found.items()},
    }


def _markdown(found: Found, command: str) -> str:
    ranked = sorted(found.items(), key=lambda item: -item[1][1].to_end)
    rows = [
        [
            name,
            runner.version,
            "yes" if runner.durable else "no: up to a second is lost",
            f"{one.single:,.0f}",
            "" if one.batch is None else f"{one.batch:,.0f}",
            f"{one.drain:,.0f}",
            f"{one.single_to_end:,.0f}",
            f"{one.to_end:,.0f}",
        ]
        for name, (runner, one) in ranked
    ]
    head = [
        "",
        "version",
        "durable",
        "in, one by one",
        "in, at once",
        "out",
        "one by one, to the end",
        "at once, to the end",
    ]
    return (
        f"# Taskyard beside other task queues\n\nMade by `{command}`. {report.machine()} Tasks per second,"
        " medians of all rounds; a task does nothing, and its result is stored. In: one producer process. Out: one"
        " worker process, from its first result to the last; a batch worker from the first time it asks. To the end:"
        " the time in and the time out together; where there is a way to enqueue many at once, that is the last column."
        " Of a batch worker the loops at once and the tasks each takes at a time are told. What is measured and by"
        " which rules:"
        f" [bench/README.md](../README.md).\n\n{report.table(head, rows, words=3)}\n{_faster(found)}"
    )


def _faster(found: Found) -> str:
    """Where somebody else is faster than the fastest Taskyard."""
    ours = [one for name, (_, one) in found.items() if name.startswith("Taskyard")]
    if not ours:
        return ""
    lines = []
    for title, panel in _panels(found).items():
        best = max(value for name, value in panel.items() if name.startswith("Taskyard"))
        beaten_by = [f"{name} ({value / best:.1f} ×)" for name, value in panel.items() if value > best]
        lines.append(f"- {title}: {', '.join(beaten_by) or 'nobody'}\n")
    return f"## Who is faster than the fastest Taskyard\n\n{''.join(lines)}"
