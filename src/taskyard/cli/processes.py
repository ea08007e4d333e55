"""`taskyard migrate` and `taskyard dispatcher`: what a Procfile runs beside the web server."""

import gc
import signal
import threading
import time

import click
from sqlalchemy.exc import OperationalError

from taskyard.cli import settings
from taskyard.core import clock, logs, migration, schema_step
from taskyard.core.db import Database
from taskyard.dispatcher import delivering, loop
from taskyard.dispatcher.duties import all_duties
from taskyard.dispatcher.outgoing import Outgoing
from taskyard.egress.policy import rules_of

RETRY_S = 0.5


@click.command()
@click.option("--wait", "wait_s", type=click.FloatRange(0), default=0, help="Seconds to wait for a database to appear.")
def migrate(wait_s: float) -> None:
    """Bring the database to what this version needs.

    Does nothing where that is done already; any number of them may run at once.

    \b
    Examples:
      taskyard migrate
      DATABASE_URL=postgresql://ann@db/taskyard taskyard migrate --wait 60
    """
    config = settings.load()
    with settings.database(config) as database:
        _await(database, wait_s)
        migration.migrate(database)
    click.echo(f"The database is at step {schema_step.head()}: {settings.shown(config.database_url)}")


def _await(database: Database, wait_s: float) -> None:
    give_up_at = time.monotonic() + wait_s
    while time.monotonic() < give_up_at:
        try:
            database.read.connect().close()
        except OperationalError:
            time.sleep(RETRY_S)
        else:
            return


@click.command()
def dispatcher() -> None:
    """Run the background process: due tasks, lost workers, expiry.

    Any number of them may run side by side, on as many machines; one is enough for most. It stops at SIGTERM or Ctrl-C
    once what it has begun is finished. `taskyard up` starts one by itself.
    """
    config = settings.load()
    logs.configure(config.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with settings.database(config) as database:
        timekeeper = clock.Timekeeper(database.read, stop)
        measuring = threading.Thread(target=timekeeper.run, name="clock")
        measuring.start()
        timekeeper.wait()  # by a clock that is ahead it would take tasks from workers that are still at it
        duties = all_duties(
            idempotency_s=config.idempotency_s,
            closed_catalogue=config.closed_catalogue,
            keep_s=config.keep_s,
            keep_requests_s=config.keep_requests_s,
            keep_sent_s=config.keep_sent_s,
        )
        gc.collect()
        gc.freeze()  # what was loaded by now stays, and need not be looked through again and again
        with Outgoing(database, config):
            deliverer = delivering.start(database, rules_of(config), stop)
            loop.run(database, duties, stop)
        deliverer.join()  # now: what it has begun may take longer than pushes may
        measuring.join()
