"""The `taskyard` command: a module per subject. What cannot go on says why in one line and exits with 1 or 2."""

import gc
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

CLIENT, OVERSIGHT = "taskyard.client.commands", "taskyard.client.oversight_commands"
OPERATIONS = "taskyard.client.operation_commands"
COMMANDS = {
    "up": "taskyard.cli.up",
    "migrate": "taskyard.cli.processes",
    "dispatcher": "taskyard.cli.processes",
    "doctor": "taskyard.cli.doctor",
    "egress": "taskyard.cli.egress",
    "user": "taskyard.cli.people",
    "key": "taskyard.cli.people",
    "submit": CLIENT,
    "work": CLIENT,
    "task": "taskyard.client.task_commands",
    "explain": OVERSIGHT,
    "worker": OVERSIGHT,
    "queue": "taskyard.client.queue_commands",
    "dead": OPERATIONS,
    "operation": OPERATIONS,
    "hook": "taskyard.cli.hooks",  # signing is the server's, the rest of it the client's
}


class LazyGroup(click.Group):
    """A group whose commands stand in modules that are imported when one of theirs is asked for.

    What the server needs takes ten times as long to import as what the client needs.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules
        self.commands = dict.fromkeys(modules)  # type: ignore[assignment]  # click lists and suggests their names

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return None
        gc.disable()  # what is imported stays: looking for garbage in it took a sixth of the time
        try:
            command: click.Command = getattr(import_module(self._modules[cmd_name]), cmd_name)
        finally:
            gc.enable()
        return command


@click.group(
    cls=LazyGroup, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="taskyard")
def main() -> None:
    """A self-hosted task queue that speaks plain HTTP.

    \b
    On a server:
      taskyard up                                  everything on this machine, ready to use
      taskyard doctor                              what is wrong, and what to do about it
      taskyard egress check URL                    whether a URL may be sent to, and why
      taskyard user create ann@example.com         somebody who may call the API
      taskyard key create ann                      an API key for her
    \b
    Anywhere, with TASKYARD_URL and TASKYARD_TOKEN set:
      taskyard submit resize '{"width": 200}'      hand in a task
      taskyard task show ID                        what became of it
      taskyard explain ID                          why it does not run, and what to do
      taskyard queue list                          where work waits; pause, limit and empty queues
      taskyard dead                                what tasks died of
      taskyard operation retry --fingerprint F     run them again: all of one fault
      taskyard worker list                         who asks for work, and what runs
      taskyard hook doctor                         why webhooks were rejected; hook send, hook listen
      taskyard work --run resize='python resize.py'   run tasks: payload on stdin, result from stdout

    Settings come from the environment; docs/configuration.md lists them.
    """
