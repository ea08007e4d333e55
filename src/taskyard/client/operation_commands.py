"""`taskyard dead` and `taskyard operation`: what tasks died of, and deeds on many of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from taskyard.client.api import Client
from taskyard.client.commands import with_client
from taskyard.client.operating import DeadGroup, DryRun, Operation
from taskyard.client.terminal import moment, payload

F = TypeVar("F", bound=Callable[..., Any])
WHEN = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


def chosen(command: F) -> F:
    """The options that say which tasks, and what to do with the operation."""
    for option in (
        click.option("--no-wait", is_flag=True, help="Do not wait for its end."),
        click.option("--dry-run", is_flag=True, help="Only tell what it would find; nothing is changed."),
        click.option("--owner", help="all, or a user's id: for moderators. [default: your own]"),
        click.option("--created-until", type=WHEN, metavar="WHEN", help="Created before then."),
        click.option(
            "--created-from",
            type=WHEN,
            metavar="WHEN",
            help="Created then or later: 2030-01-31, 2030-01-31T12:00, ...Z.",
        ),
        click.option("--fingerprint", help="Of their error, as `taskyard dead` tells it."),
        click.option("--tag"),
        click.option("--queue"),
        click.option("--command"),
        click.option("--status", help="queued, failed, lost ..."),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--command")
@click.option("--queue")
@click.option("--since", type=WHEN, metavar="WHEN", help="Ended then or later: 2030-01-31, 2030-01-31T12:00, ...Z.")
@with_client
def dead(client: Client, command: str | None, queue: str | None, since: datetime | None) -> None:
    """Tell what tasks died of: failed and lost ones, grouped by their error."""
    for one in client.dead(command=command, queue=queue, since=_aware(since)):
        click.echo(_group(one))


@click.group()
def operation() -> None:
    """Do something to all tasks that a filter finds, and look how far it is."""


@operation.command()
@click.option("--patch", metavar="JSON", help="A merge patch (RFC 7396) of each payload.")
@chosen
@with_client
def retry(client: Client, patch: str | None, **asked: Any) -> None:
    """Run tasks again.

    \b
    taskyard operation retry --fingerprint 5f2b8c1d9e3a7046 --dry-run
    taskyard operation retry --command resize --status failed --patch '{"width": 200}'
    """
    _run(client, "retry", asked, patch=payload(patch))


@operation.command()
@chosen
@with_client
def cancel(client: Client, **asked: Any) -> None:
    """Cancel tasks that wait; whoever runs one is told to stop."""
    _run(client, "cancel", asked)


@operation.command()
@chosen
@with_client
def delete(client: Client, **asked: Any) -> None:
    """Delete tasks that have ended, with their attempts."""
    _run(client, "delete", asked)


@operation.command()
@click.option("--to", required=True, help="The queue to move them to.")
@chosen
@with_client
def move(client: Client, to: str, **asked: Any) -> None:
    """Let tasks that wait wait in another queue."""
    _run(client, "move", asked, queue=to)


@operation.command("list")
@click.option("--state", help="running, paused, done or cancelled")
@with_client
def list_operations(client: Client, state: str | None) -> None:
    """List operations, the newest first."""
    for one in client.operations(state=state):
        click.echo(_line(one))


@operation.command()
@click.argument("id")
@with_client
def show(client: Client, id: str) -> None:  # noqa: A002  # the argument's name in --help
    """Tell how far an operation is, and why tasks were left as they were."""
    _show(client.operation(id))


@operation.command()
@click.argument("id")
@with_client
def pause(client: Client, id: str) -> None:  # noqa: A002
    """Hold an operation between two slices."""
    click.echo(_line(client.pause_operation(id)))


@operation.command()
@click.argument("id")
@with_client
def resume(client: Client, id: str) -> None:  # noqa: A002
    """Let a paused operation go on."""
    click.echo(_line(client.resume_operation(id)))


@operation.command()
@click.argument("id")
@with_client
def stop(client: Client, id: str) -> None:  # noqa: A002
    """Do no more of an operation; what it has done is not undone."""
    click.echo(_line(client.cancel_operation(id)))


def _run(client: Client, action: str, asked: dict[str, Any], **arguments: Any) -> None:
    dry_run, no_wait = asked.pop("dry_run"), asked.pop("no_wait")
    plain = {k: _aware(v).isoformat() if isinstance(v, datetime) else v for k, v in asked.items() if v is not None}
    if dry_run:
        _found(client.try_operation(action, plain, **arguments))
    else:
        started = client.operate(action, plain, **arguments)
        _show(started if no_wait else _ended(client, started))


def _ended(client: Client, started: Operation) -> Operation:
    """What it was at its end, or when somebody paused it; on the way stderr tells how far it is."""
    told = 0
    for found in client.follow_operation(started.id):
        if found.state == "running" and found.matched > told:
            click.echo(_line(found), err=True)
            told = found.matched
    return found


def _aware(at: datetime | None) -> Any:
    """A moment without an offset is one of this machine's time zone."""
    return at and at.astimezone()


def _group(one: DeadGroup) -> str:
    count = f"{one.count}{'+' if one.capped else ''}"
    error = f"{one.error['type']}: {one.error['message']}"
    return f"{one.fingerprint}  {count} x {one.command} ({one.queue}), last {moment(one.last_at)}\n  {error}"


def _line(one: Operation) -> str:
    where = ", ".join(f"{name}={value}" for name, value in one.filter.items())
    return f"{one.id}  {one.action} {where}: {one.state}, {one.changed} done, {one.refused} left as they were"


def _show(one: Operation) -> None:
    click.echo(_line(one))
    _faults(one.faults)


def _found(one: DryRun) -> None:
    left = f", and leave {one.refused} of them as they are" if one.refused else ""
    click.echo(f"It would find {one.matched}{'+' if one.capped else ''} tasks{left}; nothing was changed.")
    if one.misfits:
        click.echo(f"Of the newest {one.checked} payloads {one.misfits} would not fit:")
    _faults(one.faults)


def _faults(faults: list[dict[str, Any]]) -> None:
    for one in faults:
        reasons = "; ".join(f"{error.get('pointer', '')} {error['detail']}".strip() for error in one["errors"])
        click.echo(f"  {one['task_id']}: {reasons}")
