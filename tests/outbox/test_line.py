"""The delivery line over real sockets: what a receiver gets, signed, ordered, from one dispatcher and from two."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from standardwebhooks.webhooks import Webhook

from support.caller import Caller
from support.mailbox import Letter, Mailbox, mailbox
from support.post_office import PostOffice
from support.shared_app import SECRET, emptied
from support.signals import until
from taskyard.app import create_app
from taskyard.config import Config
from taskyard.core import allowed, polling
from taskyard.core.db import Database, open_database
from taskyard.dispatcher import delivering
from taskyard.egress.policy import Rules
from taskyard.outbox import line
from taskyard.outbox.post import retry_after_s
from taskyard.outbox.tables import delivery

Make = Callable[..., dict[str, Any]]
Happen = Callable[..., str]
RULES = Rules(allowed=allowed.parse(["127.0.0.1"]), http=True)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    databases = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    url = databases.new()
    settings = {"egress_allow": ("127.0.0.1",), "egress_http": True, "log_level": "ERROR", "key_cache_s": 0}
    app = create_app(Config(tmp_path_factory.mktemp("instance"), url, SECRET, access_log=False, **settings))
    yield app
    app.extensions["taskyard.database"].dispose()
    databases.drop(url)


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return emptied(opened_app)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@contextmanager
def dispatchers(database: Database, count: int = 1, rules: Rules = RULES) -> Iterator[None]:
    """So many of them deliver while the block runs; each has its own connections, as processes do."""
    stop = threading.Event()
    opened = [open_database(database.write.url.render_as_string(hide_password=False)) for _ in range(count)]
    threads = [delivering.start(one, rules, stop) for one in opened]
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "it does not stop"
        for one in opened:
            one.dispose()


@pytest.fixture
def delivered(database: Database) -> Iterator[None]:
    with dispatchers(database):
        yield


def test_a_receiver_gets_a_signed_event(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Happen, box: Mailbox, delivered: None
) -> None:
    made = endpoint(url=box.url, headers={"X-Team": "images"}, secrets=["hmac", "ed25519"])
    event_id = happen("shop.paid", {"n": 1}, key="k")
    [letter] = box.wait_for(bool)
    assert letter.event == {
        "id": event_id,
        "type": "shop.paid",
        "timestamp": alice.get(f"/v1/events/{event_id}").json["created_at"],
        "key": "k",
        "data": {"n": 1},
    }
    assert letter.id == event_id
    assert (letter.headers["webhook-attempt"], letter.headers["x-team"]) == ("1", "images")
    secret = next(one["secret"] for one in made["secrets"] if one["kind"] == "hmac")
    only = [one for one in letter.headers["webhook-signature"].split() if one.startswith("v1,")]
    Webhook(secret).verify(letter.raw, {**letter.headers, "webhook-signature": only[0]})
    assert "v1a," in letter.headers["webhook-signature"]
    until(lambda: office.statuses() == ["delivered"])
    [row] = office.rows(delivery)
    [attempt] = alice.get(f"/v1/deliveries/{row.id}").json["attempts"]
    assert (attempt["status"], attempt["body"]) == (200, "ok")
    assert set(attempt["signed_with"]) == {one["id"] for one in made["secrets"]}
    assert attempt["phases"]["total"] > 0


def test_an_event_goes_out_although_nobody_looks_by_the_clock(
    monkeypatch: pytest.MonkeyPatch, database: Database, endpoint: Make, happen: Happen, box: Mailbox
) -> None:
    monkeypatch.setattr(line, "FLOOR_S", 3600)
    monkeypatch.setattr(polling, "FLOOR_S", 3600)
    endpoint(url=box.url)
    with dispatchers(database):
        for count in range(1, 4):
            happen()
            box.wait_for(lambda letters, count=count: len(letters) == count)


def test_a_retry_has_the_same_id_and_the_same_body(
    endpoint: Make, happen: Happen, box: Mailbox, delivered: None
) -> None:
    answers = iter([500, 404, 200])
    box.answer = lambda _: (next(answers), {})
    endpoint(url=box.url, retry_delays_s=[0, 0, 0])
    happen()
    letters = box.wait_for(lambda letters: len(letters) == 3)
    assert len({(letter.id, letter.raw) for letter in letters}) == 1
    assert [letter.headers["webhook-attempt"] for letter in letters] == ["1", "2", "3"]


def test_what_policy_forbids_is_not_sent_to(alice: Caller, endpoint: Make) -> None:
    for url, sentence in (
        ("http://169.254.169.254/", "blocked_address"),
        ("https://10.0.0.1/", "blocked_address"),
        ("https://user:pw@example.com/", "password"),
        ("https://2130706433/", "four decimal numbers"),
    ):
        refused = alice.post("/v1/endpoints", {"url": url, "event_types": ["*"]})
        assert refused.status_code == 422
        [fault] = refused.json["errors"]
        assert fault["pointer"] == "/url"
        assert sentence in fault["detail"]
    path = f"/v1/endpoints/{endpoint()['id']}"
    assert alice.patch(path, {"url": "https://10.0.0.1/"}).status_code == 422


def test_one_endpoint_may_reach_what_others_may_not(
    office: PostOffice, alice: Caller, ada: Caller, endpoint: Make, happen: Happen, box: Mailbox, database: Database
) -> None:
    allowed_one, other = endpoint(url=box.url), endpoint(url=box.url)
    assert ada.patch(f"/v1/endpoints/{allowed_one['id']}", {"allow": ["127.0.0.1"]}).status_code == 200
    event_id = happen()
    wanted = {allowed_one["id"]: "delivered", other["id"]: "held"}
    with dispatchers(database, rules=Rules(http=True)):
        until(lambda: {row.endpoint_id: row.status for row in office.rows(delivery, event_id=event_id)} == wanted)
    assert box.letters[0].id == event_id
    [event] = alice.get("/v1/events?type=delivery.blocked").json["events"]
    assert event["data"]["endpoint_id"] == other["id"]


def test_strict_order_holds_through_failures(endpoint: Make, happen: Happen, box: Mailbox, delivered: None) -> None:
    fails = iter([True, False] * 10)
    box.answer = lambda _: (500 if next(fails) else 200, {})
    endpoint(url=box.url, ordering="strict", retry_delays_s=[0] * 5)
    sent = [happen() for _ in range(6)]
    letters = box.wait_for(lambda letters: len(letters) == 12)
    assert [letter.id for letter in letters] == [one for one in sent for _ in range(2)]


def test_two_dispatchers_send_each_event_once_and_hold_the_bound_between_them(
    database: Database, office: PostOffice, endpoint: Make, happen: Happen, box: Mailbox
) -> None:
    lock, under_way, most = threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def slowly(_: Letter) -> tuple[int, dict[str, str]]:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        try:
            both.wait(0.2)  # so that requests overlap
        except threading.BrokenBarrierError:
            both.reset()
        with lock:
            under_way -= 1
        return 200, {}

    box.answer = slowly
    endpoint(url=box.url, concurrency=3)
    sent = [happen() for _ in range(40)]
    with dispatchers(database, 2):
        until(lambda: office.statuses() == ["delivered"] * 40)
    assert Counter(letter.id for letter in box.letters) == Counter(sent)
    assert 2 <= most <= 3


def test_a_black_hole_holds_nobody_up(
    database: Database, office: PostOffice, endpoint: Make, happen: Happen, box: Mailbox
) -> None:
    hole = threading.Event()
    with mailbox() as silent:
        silent.answer = lambda _: (200 if hole.wait(20) else 504, {})
        endpoint(url=silent.url, event_types=["hole.x"], concurrency=4, timeout_s=2)
        endpoint(url=box.url, event_types=["shop.*"])
        for _ in range(50):
            happen("hole.x")
        with dispatchers(database):
            silent.wait_for(lambda letters: len(letters) >= 4)
            for count in range(5):
                begun = datetime.now(UTC)
                happen("shop.paid")
                box.wait_for(lambda letters, count=count: len(letters) == count + 1, 3)
                assert (datetime.now(UTC) - begun).total_seconds() < 3
            hole.set()


@pytest.mark.parametrize(
    ("hint", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("9" * 40, 999_999_999),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Mon, 02 Nov 2026 12:01:00 GMT", 60),
        ("Mon, 02 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 99 Nov 2026 11:00:00 GMT", None),
        ("", None),
        ("\udcff", None),
    ],
)
def test_retry_after(hint: str | None, seconds: float | None) -> None:
    assert retry_after_s(hint, datetime(2026, 11, 2, 12, tzinfo=UTC)) == seconds
