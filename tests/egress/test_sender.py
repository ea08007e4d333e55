"""The sender against servers that misbehave: every failure has its class, and is bounded in time and memory."""

import asyncio
import gzip
import resource
import socket
import threading
import time
from collections.abc import Callable

import pytest

from support.receivers import read_request, receiver, reset, whole
from support.sending import LOOPBACK, names, send, to
from taskyard.egress.messages import Outgoing, Result
from taskyard.egress.policy import Rules
from taskyard.egress.sender import Sender

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


def test_a_request_is_sent_whole_and_its_answer_read() -> None:
    with receiver(answers=lambda seen: whole("200 OK", b'{"b":2}', "X-Answer: yes")) as found:
        result = send(Outgoing(found.url + "hook?x=1", b'{"a":1}', {"X-Mine": "1"}))
    assert (result.status, result.error, result.sent, result.accepted) == (200, None, True, True)
    assert (result.body, result.truncated) == (b'{"b":2}', False)
    assert ("X-Answer", "yes") in result.headers
    seen = found.requests[0]
    assert (seen.line, seen.body) == ("POST /hook?x=1 HTTP/1.1", b'{"a":1}')
    assert seen.headers["x-mine"] == "1"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"].startswith("Taskyard/")
    assert "accept-encoding" not in seen.headers
    assert result.timing.total_s >= result.timing.first_byte_s >= result.timing.connect_s > 0


def test_every_request_has_a_connection_of_its_own() -> None:
    async def run(url: str) -> None:
        async with Sender(LOOPBACK) as sender:
            for _ in range(3):
                assert (await sender.send(to(url))).status == 200

    async def kept(reader: Reader, writer: Writer) -> None:
        while True:
            await read_request(reader)
            writer.write(whole("200 OK"))

    with receiver(kept) as found:
        asyncio.run(run(found.url))
    assert found.connections == 3


def test_side_by_side_each_request_is_judged_by_its_own_rules() -> None:
    async def run(port: int) -> list[Result]:
        url = f"http://hooks.example:{port}/"
        async with Sender(Rules(http=True), names=names("127.0.0.1")) as sender:
            sent = [Outgoing(url, b"{}", timeout_s=10, rules=rules) for rules in (LOOPBACK, None) * 20]
            return await asyncio.gather(*(sender.send(one) for one in sent))

    with receiver() as found:
        results = asyncio.run(run(found.port))
    assert [(result.status, result.error) for result in results] == [(200, None), (None, "blocked_address")] * 20
    assert found.connections == 20


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver(answers=lambda seen: whole("502 Bad Gateway")) as proxy, receiver() as found:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert send(to(found.url)).status == 200
    assert proxy.connections == 0


def test_redirects_are_not_followed() -> None:
    with receiver(answers=lambda seen: whole("302 Found", b"", "Location: /again")) as found:
        result = send(to(found.url))
    assert (result.status, result.error, result.accepted, found.connections) == (302, None, False, 1)


def answer(*chunks: bytes, then: Callable[[Writer], None] | None = None, hold: bool = False):  # type: ignore[no-untyped-def]
    async def talk(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        if then:
            then(writer)
        if hold:
            await asyncio.sleep(30)

    return talk


def endless(head: bytes, again: bytes, pause_s: float = 0):  # type: ignore[no-untyped-def]
    async def talk(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(head)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return talk


OK = b"HTTP/1.1 200 OK\r\n"
GARBAGE = [
    pytest.param(answer(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "protocol", id="another protocol"),
    pytest.param(answer(b"\x00\xff" * 500 + b"\r\n\r\n"), "protocol", id="binary"),
    pytest.param(answer(b"HTTP/1.1 abc OK\r\n\r\n"), "protocol", id="no status"),
    pytest.param(answer(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), "protocol", id="two lengths"),
    pytest.param(answer(OK + b"Content-Length: -1\r\n\r\n"), "protocol", id="negative length"),
    pytest.param(answer(OK + b"X: " + b"a" * 100_000 + b"\r\n\r\n"), "protocol", id="long header"),
    pytest.param(answer(OK + b"X: 1\r\n" * 10_000 + b"\r\n"), "protocol", id="many headers"),
    pytest.param(endless(OK, b"X: 1\r\n" * 100), "protocol", id="endless headers"),
    pytest.param(endless(b"HTTP/1.1 200 ", b"a" * 1000), "protocol", id="endless status line"),
    pytest.param(answer(), "reset", id="closed without an answer"),
    pytest.param(answer(then=reset), "reset", id="reset without an answer"),
    pytest.param(answer(b"HTTP/1.1 2"), "reset", id="closed within the head"),
    pytest.param(answer(hold=True), "timeout", id="silence"),
    pytest.param(endless(OK, b"X", 0.05), "timeout", id="trickling headers"),
    pytest.param(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "timeout", id="flood of 100"),
    pytest.param(endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.05), "timeout", id="trickle of 102"),
]


@pytest.mark.parametrize(("talk", "error"), GARBAGE)
def test_what_is_no_answer_has_a_class(talk, error: str) -> None:  # type: ignore[no-untyped-def]
    began = time.monotonic()
    with receiver(talk) as found:
        result = send(to(found.url, timeout_s=1.0))
    assert (result.status, result.error, result.sent) == (None, error, True), result
    assert time.monotonic() - began < 15
    assert result.detail


BROKEN_BODIES = [
    pytest.param(answer(OK + b"Content-Length: 100\r\n\r\nhello"), "reset", b"hello", id="too short"),
    pytest.param(answer(OK + b"Content-Length: 100\r\n\r\nhello", then=reset), "reset", None, id="reset in the body"),
    pytest.param(answer(OK + b"Content-Length: 5\r\n\r\n", then=reset), "reset", None, id="reset after the head"),
    pytest.param(answer(OK + b"Content-Length: 100\r\n\r\nhello", hold=True), "timeout", b"hello", id="silence"),
    pytest.param(endless(OK + b"Content-Length: 999\r\n\r\n", b"x", 0.05), "timeout", None, id="trickle"),
    pytest.param(answer(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "protocol", None, id="bad chunk"),
    pytest.param(answer(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), "reset", b"hel", id="half a chunk"),
]


@pytest.mark.parametrize(("talk", "error", "kept"), BROKEN_BODIES)
def test_a_body_that_breaks_leaves_the_status(talk, error: str, kept: bytes | None) -> None:  # type: ignore[no-untyped-def]
    with receiver(talk) as found:
        result = send(to(found.url, timeout_s=1.0))
    assert result.error == error, result
    assert kept is None or (result.status, result.body) == (200, kept)


def test_an_endless_body_is_cut() -> None:
    with receiver(endless(OK + b"Connection: close\r\n\r\n", b"y" * 60_000)) as found:
        result = send(to(found.url))
    assert (result.status, result.error, len(result.body), result.truncated) == (200, None, 16 * 1024, True)


def test_more_is_kept_of_an_answer_where_that_is_asked_for() -> None:
    with receiver(answers=lambda seen: whole("200 OK", b"z" * 300_000)) as found:
        result = send(Outgoing(found.url, b"{}", keep=256 * 1024))
    assert (len(result.body), result.truncated) == (256 * 1024, True)


def test_a_compressed_bomb_stays_compressed() -> None:
    bomb = gzip.compress(bytes(64 * 2**20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with receiver(answers=lambda seen: whole("200 OK", bomb, "Content-Encoding: gzip")) as found:
        result = send(to(found.url))
    assert result.body[:2] == b"\x1f\x8b"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB


def test_a_flood_of_headers_takes_little_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with receiver(endless(b"", b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" * 1000)) as found:
        assert send(to(found.url, timeout_s=1.5)).error in {"timeout", "protocol"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_headers_of_an_answer_are_kept_within_bounds() -> None:
    many = [f"X-{number}: {'v' * 200}" for number in range(100)]
    with receiver(answers=lambda seen: whole("200 OK", b"", *many)) as found:
        result = send(to(found.url))
    assert result.status == 200
    assert sum(len(name) + len(value) for name, value in result.headers) <= 8 * 1024
    assert len(result.headers) <= 64


def test_nobody_listening_is_connect() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        result = send(to(f"http://127.0.0.1:{sock.getsockname()[1]}/"))
    assert (result.error, result.sent) == ("connect", False)


def test_a_large_body_that_is_not_taken_was_not_sent() -> None:
    async def deaf(reader: Reader, writer: Writer) -> None:
        await asyncio.sleep(30)

    async def half(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(1000)
        reset(writer)

    for talk, error in ((deaf, "timeout"), (half, "reset")):
        with receiver(talk) as found:
            result = send(to(found.url, timeout_s=1.0, body=b" " * 32 * 2**20))
        assert (result.status, result.error, result.sent) == (None, error, False)


def test_a_request_that_arrived_whole_was_sent() -> None:
    with receiver(answer(then=reset)) as found:
        result = send(to(found.url, body=b" " * 2**20))
    assert (result.error, result.sent) == ("reset", True)


def test_a_header_that_would_split_the_request_is_not_sent() -> None:
    with receiver() as found:
        result = send(Outgoing(found.url, b"{}", {"X": "1\r\nY: 2"}))
    assert (result.error, result.sent, found.requests) == ("protocol", False, [])


# Names


def test_a_name_is_looked_up_and_its_address_dialled() -> None:
    with receiver() as found:
        result = send(to(f"http://hooks.example:{found.port}/"), names=names("127.0.0.1"))
    assert (result.status, found.requests[0].headers["host"]) == (200, f"hooks.example:{found.port}")
    assert result.timing.dns_s is not None


def test_one_bad_address_among_many_refuses_them_all() -> None:
    with receiver() as found:
        result = send(to(f"http://hooks.example:{found.port}/"), names=names("127.0.0.1", "10.0.0.1"))
    assert (result.error, result.sent, found.connections) == ("blocked_address", False, 0)
    assert "10.0.0.1" in result.detail


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1%lo", "0.0.0.0"]
)
def test_a_name_that_means_this_machine_is_refused(address: str) -> None:
    with receiver() as found:
        result = send(to(f"http://rebind.example:{found.port}/"), Rules(http=True), names(address))
    assert (result.error, found.connections) == ("blocked_address", 0)


def test_an_answer_that_changes_between_two_look_ups_gains_nothing() -> None:
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    with receiver() as found:
        url = f"http://rebind.example:{found.port}/"
        rules = Rules(http=True)
        look_ups = lambda host, port, family: [next(answers)]  # noqa: E731
        assert send(to(url, timeout_s=0.3), rules, look_ups).error in {"timeout", "connect"}
        assert send(to(url), rules, look_ups).error == "blocked_address"
    assert found.connections == 0


def test_the_socket_is_judged_although_the_look_up_was_not() -> None:
    """The second wall: a literal address never meets the look-up."""
    with receiver() as found:
        result = send(to(f"http://127.0.0.1:{found.port}/"), Rules(http=True))
    assert (result.error, found.connections) == ("blocked_address", 0)


def test_a_name_that_is_not_found_is_dns() -> None:
    def missing(host: str, port: int, family: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    result = send(to("http://missing.example/"), names=missing)
    assert (result.error, result.sent) == ("dns", False)
    assert send(to("http://empty.example/"), names=names()).error == "dns"


def test_a_name_server_that_hangs_costs_no_more_than_the_timeout() -> None:
    goes_on = threading.Event()

    def hangs(host: str, port: int, family: int) -> list[str]:
        goes_on.wait(30)
        return []

    began = time.monotonic()

    async def run() -> Result:
        async with Sender(LOOPBACK, names=hangs) as sender:
            found = await sender.send(to("http://slow.example/", timeout_s=0.3))
            goes_on.set()
            return found

    assert asyncio.run(run()).error == "timeout"
    assert time.monotonic() - began < 15


def test_many_at_once_do_not_wait_for_one_another() -> None:
    async def slow(reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        await asyncio.sleep(0.3)
        writer.write(whole("200 OK"))

    async def run(url: str) -> list[Result]:
        async with Sender(LOOPBACK) as sender:
            return await asyncio.gather(*(sender.send(to(url, timeout_s=10)) for _ in range(100)))

    with receiver(slow) as found:
        began = time.monotonic()
        results = asyncio.run(run(found.url))
    assert {result.status for result in results} == {200}
    assert time.monotonic() - began < 20
