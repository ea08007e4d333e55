"""A command imports what it needs: the client's start in a tenth of the time that the server's take."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from taskyard.cli import COMMANDS, main

LOADED = """
import gc, sys
from taskyard.cli import main
main([sys.argv[1], "--help"], standalone_mode=False)
print(*{"flask", "sqlalchemy"} & sys.modules.keys(), gc.isenabled())
"""


@pytest.mark.parametrize("name", ["submit", "task", "work", "explain", "queue", "worker", "hook"])
def test_what_a_client_runs_loads_nothing_of_the_server(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, name], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "True"


def test_a_command_that_is_misspelt_is_helped_with() -> None:
    refused = CliRunner().invoke(main, ["submti"])
    assert (refused.exit_code, "submit" in refused.stderr) == (2, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_where_it_is_said_to_be(name: str) -> None:
    command = main.get_command(None, name)  # type: ignore[arg-type]  # it is not looked at
    assert command is not None
    assert command.name == name
    assert command.help
