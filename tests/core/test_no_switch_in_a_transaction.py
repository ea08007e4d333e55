"""Under gevent no other greenlet runs while SQLite's write lock is held: it would freeze whoever wants it next."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.databases import SqliteFiles

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[1] / "support" / "greenlet_trace.py"


@pytest.fixture(scope="module")
def traced(sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Four clients at once, each of which does all that is done."""
    argv = [sys.executable, str(SCRIPT), sqlite_files.new(), str(tmp_path_factory.mktemp("instance"))]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def test_no_greenlet_yields_within_a_write_transaction(traced: dict[str, Any]) -> None:
    assert traced["faults"] == [], "\n".join(traced["faults"][0])
    assert traced["transactions"] > 40


def test_everything_was_answered_as_it_should_be(traced: dict[str, Any]) -> None:
    statuses = traced["statuses"]
    assert set(statuses) <= {"200", "201", "204", "409"}
    assert statuses["409"] == 4, "one user a client who exists already"
