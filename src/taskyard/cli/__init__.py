"""The `taskyard` command: a module per subject. What cannot go on says why in one line and exits with 1 or 2."""

import click

from taskyard.cli.doctor import doctor
from taskyard.cli.egress import egress
from taskyard.cli.hooks import send
from taskyard.cli.people import key, user
from taskyard.cli.processes import dispatcher, migrate
from taskyard.cli.up import up
from taskyard.client.commands import submit, task, work
from taskyard.client.hook_commands import hook
from taskyard.client.oversight_commands import explain, queue, worker


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
      taskyard queue list                          where work waits; pause and resume queues
      taskyard worker list                         who asks for work, and what runs
      taskyard hook doctor                         why webhooks were rejected; hook send, hook listen
      taskyard work --run resize='python resize.py'   run tasks: payload on stdin, result from stdout

    Settings come from the environment; docs/configuration.md lists them.
    """


for command in (up, migrate, dispatcher, doctor, egress, user, key, submit, task, work, explain, queue, worker, hook):
    main.add_command(command)
hook.add_command(send)  # signing is the server's, the group the client's
