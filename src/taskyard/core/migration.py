"""The database's schema as a sum of steps, and the two deeds on it: migrate, and make a new step."""

import logging

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from taskyard.core.db import Database
from taskyard.core.errors import Unavailable
from taskyard.core.schema_step import STEPS, current, head

logging.getLogger("alembic").setLevel(logging.WARNING)  # it would say at every look which database it sees
LOCK = 0x7A5C_7A4D  # any number; the same for all Taskyards on one PostgreSQL database


def alembic_config(connection: Connection | None = None) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(STEPS))
    config.attributes["connection"] = connection
    return config


def migrate(database: Database) -> None:
    """Bring the database to the newest step; many may try at once.

    Raises:
        Unavailable: it is beyond that.
    """
    with database.write.begin() as connection:  # on SQLite this is the write lock already
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        _check_known(current(connection))
        if current(connection) != head():
            command.upgrade(alembic_config(connection), "head")


def _check_known(step: str | None) -> None:
    steps = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if step is not None and step not in steps:
        raise Unavailable(f"The database is at step {step}, which this version does not know: a newer one made it.")
