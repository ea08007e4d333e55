"""`taskyard user create` and `taskyard key create`, on both databases."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from support.caller import Caller
from taskyard.cli import main


@pytest.fixture
def run(database_url: str, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Runs the command on this test's database."""

    def taskyard(*arguments: str, stdin: str | None = None) -> Result:
        env = {"DATABASE_URL": database_url, "TASKYARD_INSTANCE": str(tmp_path)}
        return CliRunner().invoke(main, arguments, input=stdin, env=env)

    return taskyard


def test_a_key_made_here_lets_its_user_in(run, app: Flask) -> None:  # type: ignore[no-untyped-def]
    assert run("user", "create", "ann@example.com").exit_code == 0
    made = run("key", "create", "ann@example.com")
    assert made.exit_code == 0
    assert Caller(app, token=made.output.strip()).get("/v1/profile").json["username"] == "ann"


def test_a_key_has_no_more_scopes_than_were_asked_for(run, app: Flask) -> None:  # type: ignore[no-untyped-def]
    made = run("key", "create", "alice", "--scope", "read", "--days", "1")
    caller = Caller(app, token=made.output.strip())
    assert caller.get("/v1/tasks").status_code == 200
    assert caller.post("/v1/tasks", {"command": "resize"}).status_code == 403


def test_a_password_is_asked_for_twice(run, app: Flask) -> None:  # type: ignore[no-untyped-def]
    typed = "a long password\na long password\n"
    assert run("user", "create", "ann@example.com", "--with-password", stdin=typed).exit_code == 0
    form = {"grant_type": "password", "username": "ann", "password": "a long password"}
    assert Caller(app).request("POST", "/v1/auth/token", data=form).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("user", "create", "alice@example.com"), 1, "A user with this email exists already."),
        (("user", "create", "ann", "--age", "200"), 2, "age: Must be"),
        (("user", "create", "ann", "--age", "200"), 2, "email: Not a valid email address."),
        (("key", "create", "zoe"), 1, "There is no user zoe."),
        (("key", "create", "alice", "--scope", "admin"), 1, "The role `user` does not have: admin."),
        (("key", "create", "alice", "--scope", "everything"), 2, "Must be read, write, work"),
    ],
)
def test_what_cannot_be_is_said(run, arguments: tuple[str, ...], code: int, said: str) -> None:  # type: ignore[no-untyped-def]
    refused = run(*arguments)
    assert refused.exit_code == code
    assert said in refused.stderr
