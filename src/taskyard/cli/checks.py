"""What must hold for Taskyard to run here, each as a finding with what to do where it does not."""

import os
import shutil
import socket
import stat
from dataclasses import dataclass
from datetime import datetime

import click
import urllib3
from sqlalchemy import Column, func, select
from sqlalchemy.exc import DBAPIError

from taskyard.cli.settings import sentence, shown
from taskyard.config import Config
from taskyard.core import clock, schema_step
from taskyard.core.db import Database
from taskyard.queue.tables import lease, scheduled

ENOUGH_DISK = 500 * 1024 * 1024  # bytes
OFFSET_S = 1.0  # between this machine's clock and the database's
LATE_S = 10.0  # a dispatcher that runs is never this late


@dataclass(frozen=True, slots=True)
class Finding:
    """`says` is a fact; `do` is what to do where it is a bad one."""

    name: str
    holds: bool
    says: str
    do: str = ""


def require(finding: Finding) -> None:
    """End the command where this does not hold."""
    if not finding.holds:
        raise click.ClickException(f"{finding.says} {finding.do}")


def instance(config: Config) -> Finding:
    says = f"The instance folder is {config.instance}."
    if os.access(config.instance, os.W_OK | os.X_OK):
        return Finding("instance", True, says)
    return Finding(
        "instance", False, f"{says} It cannot be written.", "Give this user the right, or set TASKYARD_INSTANCE."
    )


def secret(config: Config) -> Finding:
    path = config.instance / "secret.key"
    if "TASKYARD_SECRET_KEY" in os.environ:
        return Finding("secret", True, "The secret comes from TASKYARD_SECRET_KEY.")
    others = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    if others:
        return Finding("secret", False, f"Others may read {path}.", f"chmod 600 {path}")
    return Finding("secret", True, f"Only its owner may read {path}.")


def disk(config: Config) -> Finding:
    free = shutil.disk_usage(config.instance).free
    says = f"{free // 1024**2:,} MiB are free at {config.instance}."
    return Finding("disk", free >= ENOUGH_DISK, says, "Make room: a database that cannot grow refuses every write.")


def reachable(config: Config, database: Database) -> Finding:
    url = shown(config.database_url)
    try:
        database.write.connect().close()
    except DBAPIError as error:
        says = f"The database cannot be reached: {url}: {sentence(error)}."
        return Finding("database", False, says, "Start it, or correct DATABASE_URL.")
    return Finding("database", True, f"The database answers: {url}.")


def migrated(database: Database) -> Finding:
    with database.read.connect() as connection:
        current = schema_step.current(connection)
    if current == schema_step.head():
        return Finding("migration", True, f"The database is at step {current}, as this version needs.")
    says = f"The database is at step {current or 'none'}; this version needs {schema_step.head()}."
    return Finding("migration", False, says, "Run: taskyard migrate")


def time(database: Database) -> Finding:
    clock.synchronise(database.read)
    offset_s = clock.system.ahead().total_seconds()
    says = f"This machine's clock is {abs(offset_s):.3f} s from the database's."
    return Finding("clock", abs(offset_s) <= OFFSET_S, says, "It is corrected for; still, let NTP set both.")


def address(given: str) -> Finding:
    """Whether this address can be listened on."""
    says = f"{given} is free."
    if given.startswith("unix:"):
        return Finding("address", True, f"The socket is {given}.")
    host, _, port = given.rpartition(":")
    host = host.strip("[]")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))
    except OSError as error:
        says = f"{given} cannot be listened on: {error.strerror}."
        return Finding("address", False, says, f"Free it, or take another port: PORT={int(port) + 1} taskyard up")
    return Finding("address", True, says)


def url(given: str) -> str:
    """The URL under which this machine reaches an address that is listened on."""
    return "http://" + given.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")


def web(given: str) -> Finding:
    """Whether a Taskyard answers at this address, or at least nobody else does."""
    if given.startswith("unix:") or address(given).holds:
        return Finding("web", True, f"Nothing listens at {given} now; taskyard up starts it.")
    try:
        answer = urllib3.request("GET", url(given) + "/readyz", timeout=5, retries=False)
    except urllib3.exceptions.HTTPError as error:
        return Finding(
            "web", False, f"{given} is taken, but does not answer HTTP: {sentence(error)}", "Free it, or set PORT."
        )
    if answer.status == 200 and answer.data == b'{"status":"ok"}':
        return Finding("web", True, f"{url(given)}/readyz answers.")
    if answer.headers.get("Content-Type") == "application/problem+json":
        return Finding(
            "web", False, f"{url(given)}/readyz says: {answer.json()['detail']}", "See the log of the web process."
        )
    return Finding("web", False, f"Another program listens at {given}.", "Stop it, or set PORT.")


def _oldest_s(column: Column[datetime], database: Database) -> float:
    """Seconds since the earliest of these moments; 0 where there is none."""
    with database.read.connect() as connection:
        at: datetime | None = connection.execute(select(func.min(column))).scalar()
    return (clock.now() - at).total_seconds() if at is not None else 0.0


def dispatcher(database: Database) -> Finding:
    """Told by what a dispatcher would have done by now."""
    late_s = max(_oldest_s(column, database) for column in (scheduled.c.run_at, lease.c.expires_at))
    if late_s > LATE_S:
        says = f"Tasks have been due for {late_s:,.0f} s and nobody let them go."
        return Finding("dispatcher", False, says, "Start one: taskyard dispatcher")
    return Finding("dispatcher", True, "No task is overdue.")
