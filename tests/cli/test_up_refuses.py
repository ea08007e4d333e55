"""`taskyard up` before it starts anything; what it starts is in tests/e2e."""

from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.server import free_port
from taskyard.cli import main


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("TASKYARD_BIND", "here:there"),
        ("WEB_CONCURRENCY", "0"),
        ("TASKYARD_SECRET_KEY", "short"),
        ("DATABASE_URL", "mysql://localhost/taskyard"),
        ("DATABASE_URL", "sqlite://"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr(import_module("taskyard.cli.up"), "_run", lambda: pytest.fail("it was started"))
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(main, ["up"], env={"PORT": str(free_port()), name: value})
    assert refused.exit_code in {1, 2}
    assert refused.stdout == ""
    [line] = refused.stderr.splitlines()
    assert name in line
