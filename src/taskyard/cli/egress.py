"""`taskyard egress check`: why a URL may be sent to, or why not."""

import socket
from collections.abc import Iterator

import click

from taskyard.cli import settings
from taskyard.cli.settings import sentence
from taskyard.egress.dial import look_up
from taskyard.egress.policy import Rules, Verdict, check_address, rules_of
from taskyard.egress.urls import Target, check_url


@click.group()
def egress() -> None:
    """Where this server may connect."""


@egress.command()
@click.argument("url")
@click.option("--allow", multiple=True, help="As if this host or network were allowed; may be repeated.")
def check(url: str, allow: tuple[str, ...]) -> None:
    """Say whether URL may be sent to, and why.

    Looks its name up and judges every address, as it is done before each request; sends nothing. Exits with 1 where it
    may not. TASKYARD_EGRESS_ALLOW and its neighbours set the rules.

    \b
    Examples:
      taskyard egress check https://hooks.example.com/orders
      taskyard egress check https://10.0.0.7/ --allow 10.0.0.0/8
    """
    try:
        rules = rules_of(settings.load()).also(allow)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    verdicts = list(_verdicts(url, rules))
    for verdict in verdicts:
        click.echo(f"{'✓' if verdict.allowed else '✗'} {verdict.reason}")
    refused = next((verdict for verdict in verdicts if not verdict.allowed), None)
    if refused is not None:
        click.echo(f"It may not be sent to: {refused.kind}.")
        raise click.exceptions.Exit(1)
    click.echo("It may be sent to.")


def _verdicts(url: str, rules: Rules) -> Iterator[Verdict]:
    verdict, target = check_url(url, rules)
    yield verdict
    if target is not None and not target.address:
        yield from _of_name(target, rules)


def _of_name(target: Target, rules: Rules) -> Iterator[Verdict]:
    try:
        found = look_up(target.host, target.port, socket.AF_UNSPEC)
    except (OSError, UnicodeError) as error:
        yield Verdict("dns", f"{target.host} was not found: {sentence(error)}.")
        return
    for address in dict.fromkeys(found):
        yield check_address(address, target.port, rules, host=target.host)
