"""`taskyard hook send`, `doctor` and `listen`, against the real server and a real program that is forwarded to."""

import json
import signal
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from click.testing import CliRunner, Result

from support.people import ALICE, BOB
from support.receivers import Receiver, receiver, whole
from support.server import Server, Service, taskyard
from support.signals import until
from taskyard.cli import main
from taskyard.client import Client, NotFound
from taskyard.client.transport import Request
from taskyard.inbox.presets import PRESETS
from taskyard.inbox.scheme import Kind

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True),  # the database does not matter here
]
SECRET = "whsec_aXQncyBhIHNlY3JldCB0byBldmVyeWJvZHk="
PAIRS = {Kind.ECDSA, Kind.ED25519}
SYMMETRIC = [name for name, preset in PRESETS.items() if preset.scheme.kind not in PAIRS]
_numbers = count()


@pytest.fixture
def run(run: Callable[..., Result]) -> Callable[..., Result]:
    return partial(run, "hook")


@pytest.fixture
def source(client: Client) -> Callable[..., str]:
    """A new source of Alice's for a preset, with one secret."""

    def make(preset: str = "github", secret: str = SECRET, **settings: Any) -> str:
        name = f"hooks-{next(_numbers)}"
        secrets = [] if preset == "none" or not secret else [{"secret": secret}]
        body = {"preset": None if "scheme" in settings else preset, "secrets": secrets, **settings}
        client._send(Request("PUT", f"/v1/sources/{name}", body=json.dumps(body).encode()))
        return name

    return make


@pytest.fixture
def send(run: Callable[..., Result]) -> Callable[..., Result]:
    def invoke(source: str, *argv: str, preset: str = "github", secret: str = SECRET, **more: object) -> Result:
        return run("send", source, "--preset", preset, "--secret", secret, *argv, **more)

    return invoke


@pytest.fixture
def listen(shared_server: Server) -> Iterator[Callable[..., Service]]:
    """Start `taskyard hook listen` as Alice."""
    started: list[Service] = []

    def start(source: str, to: str, *options: str) -> Service:
        env = {**shared_server.env, "TASKYARD_URL": shared_server.url, "TASKYARD_TOKEN": ALICE.key}
        argv = [*taskyard(), "hook", "listen", source, "--to", to, *options]
        service = Service(f"listen-{next(_numbers)}", argv, {**env, "PYTHONUNBUFFERED": "1"}, shared_server.folder)
        service.start()
        started.append(service)
        until(lambda: "Forwarding what" in service.output())
        return service

    yield start
    for service in started:
        service.kill()


@pytest.fixture
def program() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.mark.parametrize("preset", SYMMETRIC)
def test_what_is_sent_as_a_preset_is_taken_by_a_source_of_it(
    preset: str, source: Callable[..., str], send: Callable[..., Result], client: Client
) -> None:
    name = source(preset)
    sent = send(name, "--event", "made", preset=preset)
    assert (sent.exit_code, sent.stdout[:3]) == (0, "200"), sent.output
    [webhook] = client.webhooks(source=name)
    assert webhook.verdict in {"unrouted", "routed"}
    assert webhook.type == ("made" if PRESETS[preset].event_type else None)


KNOBS = {
    "kind": "hmac",
    "names": [{"signature": "X-Till", "timestamp": None, "id": "X-Till-Id"}],
    "grammar": "semicolons",
    "field": "sig",
    "encoding": "base64url",
    "digest": "sha512",
    "template": "{id}/{timestamp}/{body}",
    "freshness": {"unit": "milliseconds", "field": "at"},
}


@pytest.mark.parametrize(
    "knobs",
    [KNOBS, {"kind": "token", "names": [{"signature": "X-Till"}]}, {"kind": "bearer"}, {"kind": "none"}],
    ids=lambda knobs: knobs["kind"],
)
def test_a_source_with_knobs_of_its_own_says_how_to_sign(
    knobs: dict[str, Any], run: Callable[..., Result], source: Callable[..., str], client: Client
) -> None:
    secret = "aTokenOfItsOwn" if knobs["kind"] != "none" else ""
    name = source(secret=secret, scheme=knobs, event_type="body.type")
    sent = run("send", name, "--secret", secret or "unused", "--event", "sale")
    assert (sent.exit_code, sent.stdout[:3]) == (0, "200"), sent.output
    [webhook] = client.webhooks(source=name)
    assert webhook.type == "sale"


def test_without_a_preset_the_source_is_asked_for_its_own(
    run: Callable[..., Result], source: Callable[..., str], client: Client
) -> None:
    assert run("send", source("stripe"), "--secret", SECRET).exit_code == 0
    stranger = run("send", source("stripe"), "--secret", SECRET, person=BOB)
    assert (stranger.exit_code, "no such source" in stranger.output) == (1, True)
    nobody = CliRunner().invoke(main, ["hook", "send", "x"], env={"TASKYARD_TOKEN": ""})
    assert (nobody.exit_code, "TASKYARD_TOKEN" in nobody.output) == (2, True)


def test_a_body_comes_from_a_file_or_from_stdin(
    source: Callable[..., str], send: Callable[..., Result], client: Client
) -> None:
    name = source()
    assert send(name, "--body", "-", "--event", "push", given=b'{"a":  1}\n').exit_code == 0
    [webhook] = client.webhooks(source=name)
    assert client.webhook(webhook.id).raw == b'{"a":  1}\n'


def test_an_id_that_is_sent_again_is_one_webhook(
    source: Callable[..., str], send: Callable[..., Result], client: Client
) -> None:
    name = source()
    assert send(name, "--id", "d-1").stdout == send(name, "--id", "d-1").stdout
    assert len(list(client.webhooks(source=name))) == 1


def test_a_refusal_ends_with_1_and_the_doctor_says_why(
    source: Callable[..., str], send: Callable[..., Result], run: Callable[..., Result], client: Client
) -> None:
    name = source("github", SECRET + "\n")
    refused = send(name)
    assert (refused.exit_code, refused.stdout[:3]) == (1, "401")
    [webhook] = client.webhooks(source=name, verdict="rejected")
    told = run("doctor", "--source", name).stdout
    assert told == run("doctor", webhook.id).stdout
    assert f"{webhook.id}, received by {name} at " in told
    assert "\nwrong_signature: The signature is of none of the source's secrets" in told
    assert "\nblanks_around: " in told
    assert SECRET not in told


def test_the_doctor_has_nothing_to_say_where_nothing_was_rejected(
    source: Callable[..., str], send: Callable[..., Result], run: Callable[..., Result], client: Client
) -> None:
    name = source()
    send(name)
    assert run("doctor", "--source", name).stdout == "No webhook was rejected.\n"
    [webhook] = client.webhooks(source=name)
    assert run("doctor", webhook.id).stdout.endswith("is unrouted.\n")


def test_the_doctor_says_when_the_source_was_mended_meanwhile(
    source: Callable[..., str], send: Callable[..., Result], run: Callable[..., Result], client: Client
) -> None:
    name = source()
    send(name, secret="the new one")
    body = json.dumps({"preset": "github", "secrets": [{"secret": "the new one"}]}).encode()
    client._send(Request("PUT", f"/v1/sources/{name}", body=body))
    assert "It would be verified now" in run("doctor", "--source", name).stdout


def test_what_is_not_ones_own_is_not_diagnosed(
    source: Callable[..., str], send: Callable[..., Result], run: Callable[..., Result], client: Client
) -> None:
    name = source()
    send(name, secret="wrong")
    [webhook] = client.webhooks(source=name)
    assert run("doctor", webhook.id, person=BOB).exit_code == 1
    assert run("doctor", "--source", name, person=BOB).stdout == "No webhook was rejected.\n"
    with pytest.raises(NotFound):
        client.diagnosis("00000000-0000-7000-8000-000000000000")


def test_mistakes_are_told_in_a_line(run: Callable[..., Result], send: Callable[..., Result]) -> None:
    assert send("nowhere").exit_code == 1
    malformed = send("nowhere", preset="ed25519", secret="no key")
    assert (malformed.exit_code, "--secret" in malformed.stderr) == (2, True)
    unreachable = send("nowhere", "--url", "http://127.0.0.1:1")
    assert (unreachable.exit_code, "No answer from http://127.0.0.1:1" in unreachable.stderr) == (1, True)
    for to in ("localhost:3000", "ftp://localhost", "http://", "http://localhost?a=b"):
        refused = run("listen", "any", "--to", to)
        assert (refused.exit_code, "is no URL such as" in refused.stderr) == (2, True), to


def test_listening_forwards_each_new_webhook_as_it_came(
    source: Callable[..., str], send: Callable[..., Result], listen: Callable[..., Service], program: Receiver
) -> None:
    name = source()
    send(name, "--event", "before")
    listening = listen(name, f"{program.url}webhooks")
    send(name, "--event", "rejected", secret="wrong")
    send(name, "--event", "push", "--id", "d-7", "--body", "-", given=b'{"a":  1}\n')
    seen = program.next()
    assert (seen.line, seen.body) == ("POST /webhooks HTTP/1.1", b'{"a":  1}\n')
    assert (seen.headers["x-github-event"], seen.headers["x-github-delivery"]) == ("push", "d-7")
    assert seen.headers["x-hub-signature-256"].startswith("sha256=")
    assert seen.headers["host"] == program.url.split("/")[2]
    until(lambda: "-> 200" in listening.output())
    send(name, "--event", "another")
    assert program.next().headers["x-github-event"] == "another"
    listening.signal(signal.SIGINT)
    assert listening.wait() == 0
    assert [one.headers["x-github-event"] for one in program.requests] == ["push", "another"]


def test_replay_begins_with_the_last_ones_in_order(
    source: Callable[..., str], send: Callable[..., Result], listen: Callable[..., Service], program: Receiver
) -> None:
    name = source()
    for event in ("one", "two", "three"):
        sent = send(name, "--event", event)
        assert sent.exit_code == 0, sent.output
    listening = listen(name, program.url, "--replay", "2")
    until(lambda: listening.output().count("-> 200") == 2)
    send(name, "--event", "four")
    until(lambda: listening.output().count("-> 200") == 3)
    listening.signal(signal.SIGTERM)
    assert listening.wait() == 0
    assert [one.headers["x-github-event"] for one in program.requests] == ["two", "three", "four"]


def test_a_program_that_is_down_or_refuses_ends_nothing(
    source: Callable[..., str], send: Callable[..., Result], listen: Callable[..., Service]
) -> None:
    name = source()
    with receiver(answers=lambda _: whole("500 Broken")) as broken:
        listening = listen(name, broken.url)
        send(name, "--event", "one")
        until(lambda: "-> 500" in listening.output())
    send(name, "--event", "two")
    until(lambda: "-> no answer: " in listening.output())
    assert listening.running


def test_tokens_are_not_sent_on(
    source: Callable[..., str], send: Callable[..., Result], listen: Callable[..., Service], program: Receiver
) -> None:
    name = source("gitlab")
    listen(name, program.url)
    send(name, preset="gitlab")
    assert "x-gitlab-token" not in program.next().headers
