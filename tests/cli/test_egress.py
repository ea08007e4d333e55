"""`taskyard egress check`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from taskyard.cli import main


@pytest.fixture
def check(tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(*arguments: str, **env: str) -> Result:
        return CliRunner().invoke(
            main, ["egress", "check", *arguments], env={"TASKYARD_INSTANCE": str(tmp_path), **env}
        )

    return run


def test_it_says_why_an_address_is_refused(check) -> None:  # type: ignore[no-untyped-def]
    found = check("https://169.254.169.254/latest")
    assert found.exit_code == 1
    assert "169.254.0.0/16, where clouds serve credentials" in found.output
    assert found.output.endswith("It may not be sent to: blocked_address.\n")


def test_it_says_why_an_address_is_allowed(check) -> None:  # type: ignore[no-untyped-def]
    found = check("https://93.184.216.34/")
    assert (found.exit_code, found.output) == (0, "✓ 93.184.216.34 is a public address.\nIt may be sent to.\n")


def test_it_judges_every_address_of_a_name(check) -> None:  # type: ignore[no-untyped-def]
    found = check("https://localhost:8443/", TASKYARD_EGRESS_ALLOW="localhost")
    assert found.exit_code == 0, found.output
    assert "localhost is allowed by name." in found.output
    assert check("https://localhost:8443/").exit_code == 1


def test_networks_can_be_tried(check) -> None:  # type: ignore[no-untyped-def]
    assert check("https://10.0.0.7/", "--allow", "10.0.0.0/8").exit_code == 0
    assert check("https://10.0.0.7/").exit_code == 1
    assert check("https://10.0.0.7/", "--allow", "10.0.0.1/8").exit_code == 2


def test_its_own_server_is_refused_although_allowed(check) -> None:  # type: ignore[no-untyped-def]
    env = {"TASKYARD_EGRESS_ALLOW": "127.0.0.0/8,::1", "TASKYARD_EGRESS_HTTP": "true", "PORT": "8123"}
    assert "Taskyard itself" in check("http://127.0.0.1:8123/", **env).output
    assert "Taskyard itself" in check("http://[::ffff:127.0.0.1]:8123/", **env).output
    assert check("http://127.0.0.1:8124/", **env).exit_code == 0
    everywhere = {**env, "TASKYARD_BIND": "0.0.0.0"}
    assert "Taskyard itself" in check("http://127.0.0.9:8123/", **everywhere).output
    assert "Taskyard itself" in check("http://[::1]:8123/", **everywhere).output


def test_a_setting_that_cannot_be_used_is_named(check) -> None:  # type: ignore[no-untyped-def]
    found = check("https://example.com/", TASKYARD_EGRESS_ALLOW="10.0.0.1/8")
    assert found.exit_code == 2
    assert "EGRESS_ALLOW" in found.output
