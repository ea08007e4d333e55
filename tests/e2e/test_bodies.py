"""A body that is not whole changes nothing: cut off, malformed, or chunked and longer than what is read."""

import socket

import pytest

from support.people import ADA
from support.server import Server

pytestmark = pytest.mark.e2e

MOST = 2 * 1024 * 1024
TASK = b'{"command": "resize"}'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def padded(size: int) -> bytes:
    return chunk(TASK) + chunk(b" " * (size - len(TASK)))


CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("header", "body", "status"),
    [
        (CHUNKED, chunk(TASK) + b"0\r\n\r\n", 201),
        (CHUNKED, padded(MOST) + b"0\r\n\r\n", 201),
        (CHUNKED, padded(MOST) + chunk(b"x") + b"0\r\n\r\n", 413),
        (CHUNKED, b"zz\r\n" + TASK, 400),
        (CHUNKED, chunk(TASK), 400),
        (b"Content-Length: 50", TASK, 400),
    ],
    ids=["chunked", "as long as may be", "a byte longer", "no chunk", "no last chunk", "shorter than announced"],
)
def test_a_body_is_taken_whole_or_refused(shared_server: Server, header: bytes, body: bytes, status: int) -> None:
    token = ADA.key.encode()
    head = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    sent = head + b"Authorization: Bearer " + token + b"\r\n" + header + b"\r\n\r\n" + body
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65_536).split()[1] == str(status).encode()
