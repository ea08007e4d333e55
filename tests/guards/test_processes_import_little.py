"""What a process imports it keeps, and what gunicorn's master imports comes before gevent is in charge of anything."""

import subprocess
import sys

# Each looks at select, socket or threading once, when it is imported; psycopg would then block the whole worker.
TOO_EARLY = ("psycopg", "sqlalchemy", "flask", "urllib3")
MASTER = "taskyard.web.gunicorn_settings, taskyard.web.server, taskyard.web.logger"


def imported(modules: str, looked_for: tuple[str, ...]) -> list[str]:
    """Those looked for that are there once these modules are imported."""
    asked = f"import sys, {modules}; print(*sorted(set(sys.modules) & {set(looked_for)}))"
    return subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()


def test_what_the_master_imports_leaves_the_database_driver_out() -> None:
    assert imported(MASTER, TOO_EARLY) == []


def test_a_web_process_leaves_out_what_migrates() -> None:
    assert imported("taskyard.app", ("alembic", "sqlalchemy")) == ["sqlalchemy"]
