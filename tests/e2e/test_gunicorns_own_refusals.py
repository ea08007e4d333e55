"""What gunicorn refuses before the app is asked is a problem+json too."""

import json
import socket

import pytest

from support.server import Server

pytestmark = pytest.mark.e2e

LONG = b"x" * 9_000


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (b"no HTTP at all\r\n\r\n", 400, "bad-request"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, "bad-request"),
        (b"GET /" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri-too-long"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + LONG + b"\r\n\r\n", 431, "headers-too-large"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Many: 1\r\n" * 200 + b"\r\n", 431, "headers-too-large"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Huge: " + b"x" * 1024 * 1024 + b"\r\n\r\n", 431, "headers-too-large"),
    ],
)
def test_it_is_a_problem(shared_server: Server, sent: bytes, status: int, slug: str) -> None:
    head, body = exchange(shared_server.port, sent)
    assert head.split(b"\r\n")[0].split()[1] == str(status).encode()
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["type"]) == (status, f"urn:taskyard:problem:{slug}")
    assert problem["detail"]


def exchange(port: int, sent: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to these bytes."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        while part := connection.recv(65_536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body
