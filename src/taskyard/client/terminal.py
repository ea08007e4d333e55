"""What the client's commands read from the terminal and write to it."""

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from taskyard.client.display import LogHandler
from taskyard.client.resources import Attempt, Task


def payload(given: str | None) -> Any:
    """JSON as an argument, or from stdin where that is `-`.

    Raises:
        click.BadParameter: it is none.
    """
    if given is None:
        return None
    try:
        return json.loads(sys.stdin.read() if given == "-" else given)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="PAYLOAD") from error


def show(task: Task, runs: Sequence[Attempt] | None = None) -> None:
    """Print a task as JSON, its attempts as `runs`."""
    found = asdict(task) | ({} if runs is None else {"runs": [asdict(one) for one in runs]})
    click.echo(json.dumps(found, indent=2, ensure_ascii=False, default=_text))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def moment(at: datetime | None) -> str:
    """A moment for people to read."""
    return "" if at is None else at.isoformat(timespec="seconds")


def log() -> None:
    """The worker's log lines, on stderr."""
    handler = LogHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    found = logging.getLogger("taskyard.worker")
    found.addHandler(handler)
    found.setLevel(logging.INFO)
    found.propagate = False
