"""`taskyard up`: everything on this machine with one command."""

import os
import shlex
import sys
import threading
from pathlib import Path

import click
from honcho.manager import Manager

from taskyard.cli import checks, settings
from taskyard.config import Config
from taskyard.core import migration
from taskyard.listening import Listening
from taskyard.users import bootstrap

WEB = ["gunicorn", "--config", "python:taskyard.web.gunicorn_settings", "taskyard.app:create_app()"]
DISPATCHER = ["taskyard", "dispatcher"]
ASKED = {130, 143}  # honcho's code for having been stopped by Ctrl-C or SIGTERM


class Group(Manager):  # type: ignore[misc]  # honcho ships no types
    """honcho's manager, which a signal may reach before all of its processes have started."""

    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()

    def terminate(self) -> None:
        if os.getpid() != self._pid:
            return  # a fork of honcho's that has our handler still: Ctrl-C reaches it too
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(0.05, self.terminate).start()


@click.command()
def up() -> None:
    """Migrate, make the first admin, start web and dispatcher.

    Listens on 127.0.0.1:8000 unless told otherwise, keeps everything in instance/, and writes the first admin's key to
    instance/admin.token. Stops both at Ctrl-C or SIGTERM; if one of them dies it stops the other and exits with 1.

    \b
    Examples:
      taskyard up
      PORT=9000 taskyard up
      TASKYARD_BIND=0.0.0.0:8000 WEB_CONCURRENCY=4 taskyard up
      DATABASE_URL=postgresql://ann:secret@db/taskyard taskyard up
    """
    listening, config = settings.listening(), settings.load()
    checks.require(checks.instance(config))
    for address in listening.addresses:
        checks.require(checks.address(address))
    with settings.database(config) as database:
        checks.require(checks.reachable(config, database))
        migration.migrate(database)
        bootstrap.first_admin(database, config.instance, config.admin_email)
    _announce(config, listening)
    sys.exit(_run())


def _announce(config: Config, listening: Listening) -> None:
    url = checks.url(listening.addresses[0])
    click.echo(f"Taskyard      {url}/v1   (docs: {url}/docs and {url}/redoc)")
    click.echo(f"Database      {settings.shown(config.database_url)}")
    click.echo(f"Admin's key   {_where(config.instance / bootstrap.TOKEN_FILE)}")
    click.echo("Ctrl-C stops it.")


def _where(token: Path) -> str:
    if not token.exists():
        return "was shown at the first start; for a new one: taskyard key create admin"
    return f"{_short(token)}   (export TASKYARD_TOKEN=$(cat {shlex.quote(_short(token))}))"


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _run() -> int:
    """Web and dispatcher until they are asked to stop (0) or one of them ends (1)."""
    group = Group()
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    for name, (module, *arguments) in (("web", WEB), ("dispatcher", DISPATCHER)):
        # exec: the process honcho knows is then ours, not a shell's.
        command = shlex.join([sys.executable, "-m", module, *arguments])
        group.add_process(name, f"exec {command}", env=environment)
    group.loop()
    return 0 if group.returncode in ASKED else 1
