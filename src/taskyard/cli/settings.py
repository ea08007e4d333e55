"""Settings and databases for commands: what is wrong with them is said in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import DBAPIError

from taskyard import config as settings
from taskyard import listening as where
from taskyard.config import Config
from taskyard.core.db import Database, normalise, open_database
from taskyard.core.errors import TaskyardError
from taskyard.listening import ConfigError, Listening


class Unusable(click.ClickException):
    """A setting cannot be used."""

    exit_code = 2


def load() -> Config:
    """The settings.

    Raises:
        Unusable: one of them does not hold what it should.
        ClickException: the instance folder cannot be used.
    """
    try:
        return settings.from_env()
    except ConfigError as error:
        raise Unusable(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"The instance folder cannot be used: {error.strerror}: {error.filename}. "
            "Make it writable, or set TASKYARD_INSTANCE to another."
        ) from error


def listening() -> Listening:
    """Where the web server listens.

    Raises:
        Unusable: one of its settings does not hold what it should.
    """
    try:
        return where.listening()
    except ConfigError as error:
        raise Unusable(str(error)) from error


def shown(url: str) -> str:
    """A database's URL without its password."""
    return normalise(url).render_as_string(hide_password=True)


def sentence(error: Exception) -> str:
    """What a database driver has to say: its first line, without a full stop."""
    first, *_ = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    return first.rstrip(". ")


@contextmanager
def database(config: Config) -> Iterator[Database]:
    """The database of these settings, closed at the end; its errors within the block end the command."""
    opened = open_database(config.database_url)
    try:
        yield opened
    except DBAPIError as error:
        raise click.ClickException(
            f"The database cannot be used: {shown(config.database_url)}: {sentence(error)}. Check DATABASE_URL."
        ) from error
    except TaskyardError as error:
        raise click.ClickException(error.detail) from error
    finally:
        opened.dispose()
