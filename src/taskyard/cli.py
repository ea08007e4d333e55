"""The `taskyard` command."""

import click


@click.group()
def main() -> None:
    """A self-hosted task queue and webhook hub that speaks plain HTTP."""
