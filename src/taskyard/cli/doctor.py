"""`taskyard doctor`: is everything as it should be, and if not, what to do."""

from collections.abc import Iterator

import click

from taskyard.cli import checks, settings
from taskyard.cli.checks import Finding
from taskyard.config import Config


@click.command()
def doctor() -> None:
    """Look for what is wrong, and say what to do about it.

    Reads the same settings as `taskyard up`; changes nothing. Exits with 1 where something is wrong.
    """
    findings = list(_findings())
    for finding in findings:
        click.echo(f"{'✓' if finding.holds else '✗'} {finding.name:<11} {finding.says}")
        if not finding.holds:
            click.echo(f"  {'':<11} → {finding.do}")
    if not all(finding.holds for finding in findings):
        raise click.exceptions.Exit(1)


def _findings() -> Iterator[Finding]:
    try:
        listening, config = settings.listening(), settings.load()
    except click.ClickException as error:
        yield Finding("settings", False, error.message, "docs/configuration.md lists them all.")
        return
    yield Finding("settings", True, "All settings can be used.")
    yield checks.instance(config)
    yield checks.secret(config)
    yield checks.disk(config)
    yield from _of_database(config)
    for address in listening.addresses:
        yield checks.web(address)


def _of_database(config: Config) -> Iterator[Finding]:
    with settings.database(config) as database:
        reachable = checks.reachable(config, database)
        yield reachable
        if not reachable.holds:
            return
        migrated = checks.migrated(database)
        yield migrated
        yield checks.time(database)
        if migrated.holds:
            yield checks.dispatcher(database)
