"""Logging in to the real server, where hashing goes to a native thread."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from support.people import ADA, ALICE
from support.server import Server

pytestmark = pytest.mark.e2e
PASSWORD = "correct horse battery staple"


def call(url: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    request = urllib.request.Request(url, body, headers or {}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_several_people_log_in_at_once(shared_server: Server) -> None:
    sent = json.dumps({"password": PASSWORD}).encode()
    json_of_ada = {"Authorization": f"Bearer {ADA.key}", "Content-Type": "application/json"}
    users = f"{shared_server.url}/v1/users"
    call(f"{users}/{ALICE.id}", method="PATCH", body=sent, headers=json_of_ada)

    def log_in(name: str) -> str:
        form = urlencode({"grant_type": "password", "username": name, "password": PASSWORD}).encode()
        token = call(f"{shared_server.url}/v1/auth/token", method="POST", body=form)["access_token"]
        mine = call(f"{shared_server.url}/v1/profile", headers={"Authorization": f"Bearer {token}"})
        return str(mine["username"])

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(log_in, ["alice", "alice@example.com"] * 3)) == ["alice"] * 6
