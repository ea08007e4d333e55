"""A call to another service through Taskyard: real web, real dispatcher, a real receiver."""

import statistics
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from support.people import ALICE, MIA
from support.receivers import Receiver, Seen, receiver, whole
from support.server import Server, running_server

pytestmark = pytest.mark.e2e


def double(seen: Seen) -> bytes:
    width = orjson.loads(seen.body)["payload"]["width"]
    return whole("200 OK", orjson.dumps({"doubled": 2 * width}), "Content-Type: application/json")


@pytest.fixture
def doubling() -> Iterator[Receiver]:
    with receiver(answers=double) as found:
        yield found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def yard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    databases = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    settings = {"TASKYARD_EGRESS_ALLOW": "127.0.0.0/8", "TASKYARD_EGRESS_HTTP": "true"}
    url = databases.new()
    with running_server(url, tmp_path_factory.mktemp("yard"), **settings) as running:
        yield running
    databases.drop(url)


def curl(server: Server, method: str, path: str, token: str, body: Any, *headers: str) -> Any:
    command = ["curl", "-sS", "-X", method, server.url + path, "-H", f"Authorization: Bearer {token}"]
    command += ["-H", "Content-Type: application/json", *(part for one in headers for part in ("-H", one))]
    found = subprocess.run([*command, "-d", orjson.dumps(body)], capture_output=True, timeout=30, check=True)
    return orjson.loads(found.stdout)


def test_a_call_to_another_service_is_one_curl(yard: Server, doubling: Receiver) -> None:
    curl(yard, "PUT", "/v1/commands/double", MIA.key, {"push": {"url": doubling.url}})
    waits: list[float] = []
    for width in range(20):
        began = time.monotonic()
        body = {"command": "double", "payload": {"width": width}}
        task = curl(yard, "POST", "/v1/tasks", ALICE.key, body, "Prefer: wait=20")
        waits.append(time.monotonic() - began)
        assert (task["status"], task["result"]) == ("succeeded", {"doubled": 2 * width})
    print(f"curl to result: p50 {statistics.median(waits) * 1000:.0f} ms")
    assert statistics.median(waits) < 1


def test_its_own_server_cannot_be_pushed_to(yard: Server) -> None:
    refused = curl(yard, "PUT", "/v1/commands/loop", MIA.key, {"push": {"url": f"{yard.url}/v1/tasks"}})
    assert refused["errors"][0]["pointer"] == "/push/url"
    assert "blocked_address" in refused["errors"][0]["detail"]


def test_a_dispatcher_that_is_stopped_ends_at_once(yard: Server, doubling: Receiver) -> None:
    curl(yard, "PUT", "/v1/commands/double", MIA.key, {"push": {"url": doubling.url}})
    curl(yard, "POST", "/v1/tasks", ALICE.key, {"command": "double", "payload": {"width": 1}}, "Prefer: wait=20")
    began = time.monotonic()
    assert yard.dispatcher.stop() == 0
    assert time.monotonic() - began < 15
    yard.dispatcher.start()
