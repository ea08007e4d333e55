"""gunicorn's master imports our settings and our worker class before gevent is in charge of anything."""

import subprocess
import sys

# Each looks at select, socket or threading once, when it is imported; psycopg would then block the whole worker.
TOO_EARLY = ("psycopg", "sqlalchemy", "flask", "urllib3")
IMPORTS = "import sys, taskyard.web.gunicorn_settings, taskyard.web.server, taskyard.web.logger"


def test_what_the_master_imports_leaves_the_database_driver_out() -> None:
    asked = f"{IMPORTS}; print(*sorted(set(sys.modules) & {set(TOO_EARLY)}))"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
