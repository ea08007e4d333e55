"""What was answered with 201 is there, whatever happens next."""

import pytest

from support.people import ALICE
from support.server import Server
from taskyard.client import Client

pytestmark = pytest.mark.e2e


def test_a_task_survives_the_power_cut_right_after_its_answer(server: Server) -> None:
    with Client(server.url, ALICE.key) as client:
        accepted = client.submit("anything", {"width": 200})
    server.web.kill()
    server.web.start()
    server.wait_until_ready()
    with Client(server.url, ALICE.key) as client:
        assert client.get(accepted.id).payload == {"width": 200}
