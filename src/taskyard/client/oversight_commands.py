"""The client's commands for whoever looks after the queues: explain, queue, worker."""

from datetime import datetime

import click

from taskyard.client.commands import connected, problems, server
from taskyard.client.oversight import Queue, WorkerInfo


@click.command()
@click.argument("id")
@server
def explain(id: str, url: str, token: str | None) -> None:  # noqa: A002  # the argument's name in --help
    """Say why a task does not run, and what to do."""
    with problems(), connected(url, token) as client:
        found = client.explain(id)
    click.echo(f"{found.id} is {found.status}.")
    for reason in found.reasons:
        click.echo(f"\n{reason.code}: {reason.detail}\n  {reason.action}")
    click.echo(f"\nNext: {found.next}")


@click.group()
def queue() -> None:
    """Look at queues, pause and resume them."""


@queue.command("list")
@server
def list_queues(url: str, token: str | None) -> None:
    """List the queues in use."""
    with problems(), connected(url, token) as client:
        for one in client.queues():
            click.echo(_queue(one))


@queue.command()
@click.argument("name")
@server
def pause(name: str, url: str, token: str | None) -> None:
    """Let no worker have anything of a queue."""
    with problems(), connected(url, token) as client:
        click.echo(_queue(client.pause(name)))


@queue.command()
@click.argument("name")
@server
def resume(name: str, url: str, token: str | None) -> None:
    """Let workers have tasks of a queue again."""
    with problems(), connected(url, token) as client:
        click.echo(_queue(client.resume(name)))


@click.group()
def worker() -> None:
    """Look at workers."""


@worker.command("list")
@server
def list_workers(url: str, token: str | None) -> None:
    """List who asks for tasks, and what they run."""
    with problems(), connected(url, token) as client:
        for one in client.workers():
            click.echo(_worker(one))


def _queue(one: Queue) -> str:
    parts = [
        f"paused since {_at(one.paused_at)}" if one.paused_at else "",
        f"closed since {_at(one.closed_at)}" if one.closed_at else "",
        f"the first in line waits for {one.age_s:.0f} s" if one.age_s is not None else "nothing in line",
        one.warning or "",
    ]
    return f"{one.name}: " + "; ".join(part for part in parts if part)


def _worker(one: WorkerInfo) -> str:
    drained = f", draining since {_at(one.draining_since)}" if one.draining_since else ""
    lines = [f"{one.id} {one.name} asked at {_at(one.seen_at)} for {', '.join(one.queues)}{drained}"]
    for task in one.running:
        percent = "" if task["progress"] is None else f" {task['progress']} %"
        lines.append(f"  {task['command']} {task['task_id']}{percent}")
    return "\n".join(lines)


def _at(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")
