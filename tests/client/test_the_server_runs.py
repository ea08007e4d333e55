"""The server that end-to-end tests use."""

import pytest

from support.server import Server

pytestmark = pytest.mark.e2e


def test_the_server_comes_back_after_a_restart_and_after_a_power_cut(server: Server) -> None:
    assert server.is_ready()
    server.restart()
    assert server.is_ready()
    server.kill()
    assert not server.is_ready()
    server.start()
    assert server.dispatcher.running
