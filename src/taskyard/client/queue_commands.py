"""`taskyard queue`: look at queues, hold them, limit them, empty them."""

from collections.abc import Sequence
from typing import Any

import click

from taskyard.client.api import Client
from taskyard.client.commands import with_client
from taskyard.client.oversight import Counts, Queue
from taskyard.client.terminal import moment

NONE = "none"
PER = {"s": "second", "min": "minute", "h": "hour"}


def bound(text: str) -> int | str:
    """A number, or `none`, which removes it."""
    try:
        return text if text == NONE else int(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a number nor {NONE}") from None


def rate(text: str) -> dict[str, Any] | str:
    """So many starts a second, minute or hour, or `none`, which removes it."""
    count, _, per = text.partition("/")
    if text == NONE:
        return text
    if not count.isdecimal() or PER.get(per, per) not in PER.values():
        raise click.BadParameter(f"{text!r} is none: say it as 100/second, 100/minute, 100/hour or {NONE}")
    return {"count": int(count), "per": PER.get(per, per)}


def weight(text: str) -> tuple[str, int | None]:
    """A fairness key and its share; `none` makes it weigh 1 again."""
    key, _, value = text.rpartition("=")
    number = bound(value)
    if not key:
        raise click.BadParameter(f"{text!r} is none: say it as customer-17=4")
    return key, None if isinstance(number, str) else number


@click.group()
def queue() -> None:
    """Look at queues, hold them, limit them, empty them."""


@queue.command("list")
@with_client
def list_queues(client: Client) -> None:
    """List the queues in use."""
    for one in client.queues():
        click.echo(_line(one))


@queue.command()
@click.argument("name")
@with_client
def show(client: Client, name: str) -> None:
    """Show how much is in a queue, and its limits."""
    _show(client.queue(name))


@queue.command()
@click.argument("name")
@with_client
def pause(client: Client, name: str) -> None:
    """Let no worker have anything of a queue."""
    click.echo(_line(client.pause(name)))


@queue.command()
@click.argument("name")
@with_client
def resume(client: Client, name: str) -> None:
    """Let workers have tasks of a queue again."""
    click.echo(_line(client.resume(name)))


@queue.command()
@click.argument("name")
@with_client
def drain(client: Client, name: str) -> None:
    """Take no new tasks into a queue; what waits there is still run."""
    click.echo(_line(client.drain_queue(name)))


@queue.command("open")
@click.argument("name")
@with_client
def open_queue(client: Client, name: str) -> None:
    """Let a queue that was drained take new tasks again."""
    click.echo(_line(client.open_queue(name)))


@queue.command()
@click.argument("name")
@click.option("--confirm", metavar="NAME", prompt="Its name once more", help="The queue's name once more.")
@with_client
def purge(client: Client, name: str, confirm: str) -> None:
    """Cancel all that waits in a queue."""
    if confirm != name:
        raise click.BadParameter(f"that is not {name}: nothing was cancelled", param_hint="--confirm")
    cancelled, more = 0, True
    while more:
        purged = client.purge_queue(name)
        cancelled, more = cancelled + purged.cancelled, purged.more
    click.echo(f"{cancelled} tasks of {name} were cancelled.")


@queue.command()
@click.argument("name")
@click.option("--running", "max_running", type=bound, metavar="N", help="How many may run at once.")
@click.option("--rate", "max_rate", type=rate, metavar="N/PER", help="How many may start, such as 100/minute.")
@click.option("--key-running", "key_max_running", type=bound, metavar="N", help="How many of each limit key.")
@click.option("--key-rate", type=rate, metavar="N/PER", help="How many may start of each limit key.")
@click.option("--weight", "weights", type=weight, metavar="KEY=N", multiple=True, help="Of a fairness key. Repeatable.")
@with_client
def limit(
    client: Client,
    name: str,
    max_running: Any,
    max_rate: Any,
    key_max_running: Any,
    key_rate: Any,
    weights: Sequence[tuple[str, int | None]],
) -> None:
    """Set a queue's limits and weights while it runs; `none` removes one, what is not named stays.

    \b
    taskyard queue limit mails --running 20 --rate 100/minute
    taskyard queue limit mails --key-running 2 --rate none --weight customer-17=4
    """
    asked = {
        "limits": _given(max_running=max_running, rate=max_rate),
        "key_limits": _given(max_running=key_max_running, rate=key_rate),
        "weights": dict(weights),
    }
    changes = {part: values for part, values in asked.items() if values}
    if not changes:
        raise click.UsageError("Say what to set: --running, --rate, --key-running, --key-rate or --weight.")
    _show(client.change_queue(name, **changes))


def _given(**limits: Any) -> dict[str, Any]:
    return {name: None if value == NONE else value for name, value in limits.items() if value is not None}


def _line(one: Queue) -> str:
    parts = [
        f"paused since {moment(one.paused_at)}" if one.paused_at else "",
        f"closed since {moment(one.closed_at)}" if one.closed_at else "",
        f"the oldest waits for {one.age_s:.0f} s" if one.age_s is not None else "nothing waits",
        one.warning or "",
    ]
    return f"{one.name}: " + "; ".join(part for part in parts if part)


def _show(one: Queue) -> None:
    click.echo(_line(one))
    waiting = ", ".join(f"{priority} {_count(one.depth[priority])}" for priority in ("high", "normal", "low"))
    click.echo(f"  waiting    {waiting}")
    click.echo(f"  scheduled  {_count(one.scheduled)}, running {_count(one.running)}, parked {_count(one.parked)}")
    click.echo(f"  limits     {_limits(one.limits)}; of each key: {_limits(one.key_limits)}")
    if one.weights:
        click.echo("  weights    " + ", ".join(f"{key}={weight}" for key, weight in sorted(one.weights.items())))


def _count(tally: Counts) -> str:
    return f"{tally['count']}{'+' if tally['capped'] else ''}"


def _limits(limits: dict[str, Any]) -> str:
    rate, running = limits["rate"], limits["max_running"]
    told = [f"{running} at once" if running else "", f"{rate['count']} a {rate['per']}" if rate else ""]
    return ", ".join(part for part in told if part) or NONE
