"""Pushed tasks: claimed, posted to their command's URL, settled by the answer."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from support.caller import Caller
from support.pushes import JSON, Holding, Slow, ended
from support.receivers import Seen, read_request, receiver, reset, whole
from support.signals import until
from taskyard.core import clock


def answering(status: str, body: bytes = b"", *headers: str) -> Callable[[Seen], bytes]:
    return lambda seen: whole(status, body, *headers)


def test_a_task_is_posted_and_its_answer_is_its_result(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver(answers=answering("200 OK", b'{"url": "x"}', JSON)) as found, pushing():
        register(found.url, push={"headers": {"Authorization": "Bearer s3cret"}})
        task_id = submit({"width": 200}, tags=["a"])
        task = ended(alice, task_id)
    assert (task["status"], task["result"], task["attempts"]) == ("succeeded", {"url": "x"}, 1)
    [seen] = found.requests
    body = orjson.loads(seen.body)
    assert {name: body[name] for name in ("id", "command", "attempt", "payload", "tags")} == {
        "id": task_id, "command": "resize", "attempt": 1, "payload": {"width": 200}, "tags": ["a"],
    }  # fmt: skip
    assert seen.headers["webhook-id"] == seen.headers["taskyard-task"] == task_id
    assert seen.headers["taskyard-attempt"] == "1"
    assert seen.headers["authorization"] == "Bearer s3cret"
    assert seen.headers["taskyard-lease"].startswith(task_id + ".")


def test_it_is_signed_with_the_secret_that_was_shown(pushing, register, submit, alice: Caller, mia: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver() as found, pushing():
        register(found.url)
        first = mia.post("/v1/commands/resize/push/secret", {}).json["secret"]
        ended(alice, submit())
        second = mia.post("/v1/commands/resize/push/secret", {"overlap_s": 60}).json["secret"]
        ended(alice, submit())
        third = mia.post("/v1/commands/resize/push/secret", {"overlap_s": 0}).json["secret"]
        ended(alice, submit())
    one, two, three = found.requests
    assert Webhook(first).verify(one.body, one.headers)
    assert Webhook(first).verify(two.body, two.headers)
    assert Webhook(second).verify(two.body, two.headers)
    assert Webhook(third).verify(three.body, three.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(second).verify(three.body, three.headers)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (answering("200 OK"), "succeeded", None),
        (answering("204 No Content"), "succeeded", None),
        (answering("200 OK", b"hello", "Content-Type: text/plain"), "succeeded", None),
        (answering("200 OK", b"{", JSON), "failed", "invalid_result"),
        (answering("200 OK", b'{"a":1,"a":2}', JSON), "failed", "invalid_result"),
        (answering("200 OK", b"[" * 100_000, JSON), "failed", "invalid_result"),
        (answering("200 OK", b'"' + b"x" * 1_100_000 + b'"', JSON), "failed", "result_too_large"),
        (answering("302 Found", b"", "Location: /x"), "failed", "status_302"),
        (answering("400 Bad Request", b"no \x00\xff such width"), "failed", "status_400"),
        (answering("404 Not Found"), "failed", "status_404"),
        (answering("410 Gone"), "failed", "status_410"),
    ],
)
def test_an_answer_ends_the_task_at_once(  # type: ignore[no-untyped-def]
    pushing, register, submit, alice: Caller, answer: Callable[[Seen], bytes], status: str, error: str | None
) -> None:
    with receiver(answers=answer) as found, pushing():
        register(found.url)
        task = ended(alice, submit())
    assert (task["status"], task["attempts"]) == (status, 1)
    assert (task["error"] or {}).get("type") == error
    assert len(found.requests) == 1


def test_a_result_is_checked(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver(answers=answering("200 OK", b'{"url": 1}', JSON)) as found, pushing():
        register(found.url, result_schema={"properties": {"url": {"type": "string"}}}, max_attempts=1)
        task = ended(alice, submit())
    assert (task["status"], task["error"]["type"]) == ("failed", "invalid_result")


def test_statuses_can_be_named_as_success(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver(answers=answering("409 Conflict")) as found, pushing():
        register(found.url, push={"success": [200, 409]})
        assert ended(alice, submit())["status"] == "succeeded"


def test_a_server_error_is_tried_again(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    answers = iter([whole("500 Oops"), whole("408 Slow"), whole("429 Many"), whole("200 OK")])
    with receiver(answers=lambda seen: next(answers)) as found, pushing():
        register(found.url, backoff={"kind": "constant", "base_s": 0})
        task_id = submit()
        task = ended(alice, task_id)
    assert (task["status"], task["attempts"], task["failures"]) == ("succeeded", 4, 3)
    assert [one.headers["taskyard-attempt"] for one in found.requests] == ["1", "2", "3", "4"]
    assert {one.headers["webhook-id"] for one in found.requests} == {task_id}


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_receiver_that_is_busy_costs_no_attempt(pushing, register, submit, alice: Caller, status: str) -> None:  # type: ignore[no-untyped-def]
    with receiver(answers=answering(status, b"", "Retry-After: 120")) as found, pushing():
        register(found.url, max_attempts=1)
        task_id = submit()
        task = until(lambda: (t := alice.get(f"/v1/tasks/{task_id}").json)["status"] == "scheduled" and t)
    assert task["failures"] == 0
    waits_s = (datetime.fromisoformat(task["run_at"]) - clock.now()).total_seconds()
    assert 100 < waits_s <= 120


def test_accepted_means_that_the_receiver_settles_it(pushing, register, submit, alice: Caller, nobody: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver(answers=answering("202 Accepted")) as found, pushing():
        register(found.url, timeout_s=500)
        task_id = submit()
        token = found.next().headers["taskyard-lease"]
        lasts = lambda: alice.get(f"/v1/tasks/{task_id}").json  # noqa: E731
        until(lambda: "running" in lasts()["status"] and lease_s(lasts()) > 400)
        settled = alice.post("/v1/leases/settle", {"leases": [{"token": token, "outcome": "succeeded", "result": 7}]})
    assert settled.status_code == 200
    task = ended(alice, task_id)
    assert (task["status"], task["result"]) == ("succeeded", 7)


def lease_s(task: dict[str, Any]) -> float:
    lease = task.get("lease") or task.get("running") or {}
    return (datetime.fromisoformat(lease["expires_at"]) - clock.now()).total_seconds() if lease else 0.0


async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    reset(writer)


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await asyncio.sleep(30)


@pytest.mark.parametrize(("talk", "error"), [(dies, "reset"), (never_answers, "timeout")])
@pytest.mark.parametrize(("on_lost", "status"), [("hold", "lost"), ("fail", "failed")])
def test_an_answer_that_never_comes_leaves_the_outcome_unknown(  # type: ignore[no-untyped-def]
    pushing, register, submit, alice: Caller, talk: Any, error: str, on_lost: str, status: str
) -> None:
    with receiver(talk) as found, pushing():
        register(found.url, on_lost=on_lost, push={"timeout_s": 1})
        task_id = submit()
        task = ended(alice, task_id)
    assert (task["status"], task["error"]["type"], task["failures"]) == (status, error, 0)
    assert "unknown" in task["error"]["message"]
    attempts = alice.get(f"/v1/tasks/{task_id}/attempts")
    if attempts.status_code == 200:
        assert [one["outcome"] for one in attempts.json["attempts"]] == ["lost"]


def test_what_cannot_be_connected_to_is_tried_again(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver() as gone:
        url = gone.url
    with pushing():
        register(url, max_attempts=2, backoff={"kind": "constant", "base_s": 0})
        task = ended(alice, submit())
    assert (task["status"], task["attempts"], task["failures"]) == ("failed", 2, 2)
    assert task["error"] == {"type": "connect", "message": "The request could not be sent (connect)."}


def test_no_more_than_its_concurrency_are_under_way(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    slow = Slow()
    with receiver(slow) as found, pushing():
        register(found.url, push={"concurrency": 2})
        ids = [submit() for _ in range(10)]
        assert {ended(alice, one)["status"] for one in ids} == {"succeeded"}
    assert slow.most == 2


def test_one_slow_receiver_does_not_hold_up_another(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver(never_answers) as slow, receiver() as quick, pushing():
        register(slow.url, "slow", push={"concurrency": 1, "timeout_s": 2})
        register(quick.url, "quick")
        for _ in range(5):
            submit(command="slow")
        ids = [submit(command="quick") for _ in range(20)]
        began = time.monotonic()
        assert {ended(alice, one)["status"] for one in ids} == {"succeeded"}
        assert time.monotonic() - began < 8


def test_several_dispatchers_push_each_task_once(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver() as found, pushing(), pushing(), pushing():
        register(found.url)
        ids = [submit() for _ in range(30)]
        assert {ended(alice, one)["status"] for one in ids} == {"succeeded"}
    assert sorted(one.headers["webhook-id"] for one in found.requests) == sorted(ids)


def test_a_stop_finishes_what_is_under_way(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await asyncio.sleep(0.5)
        writer.write(whole("200 OK", b"1", JSON))

    arrived = threading.Event()
    with receiver(slow) as found:
        with pushing():
            register(found.url)
            task_id = submit()
            assert arrived.wait(10)
        task = alice.get(f"/v1/tasks/{task_id}").json
    assert (task["status"], task["result"]) == ("succeeded", 1)


def test_a_task_of_another_command_is_put_aside(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver() as found, pushing():
        register(found.url)
        task_id = submit(command="other", queue="resize")
        until(lambda: alice.get(f"/v1/tasks/{task_id}").json["status"] == "scheduled")
    assert found.requests == []


def test_a_paused_queue_is_not_pushed(pushing, register, submit, alice: Caller, ada: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver() as found, pushing():
        register(found.url)
        assert ada.post("/v1/queues/resize/pause", {}).status_code < 300
        task_id = submit()
        assert alice.get(f"/v1/tasks/{task_id}", headers={"Prefer": "wait=1"}).json["status"] == "queued"
        assert ada.post("/v1/queues/resize/resume", {}).status_code < 300
        assert ended(alice, task_id)["status"] == "succeeded"


def test_a_command_that_is_no_longer_pushed_waits_for_workers(
    pushing, register, submit, alice: Caller, mia: Caller
) -> None:  # type: ignore[no-untyped-def]
    with receiver() as found, pushing():
        register(found.url)
        ended(alice, submit())
        assert mia.put("/v1/commands/resize", {}).json["push"] is None
        task_id = submit()
        assert alice.get(f"/v1/tasks/{task_id}", headers={"Prefer": "wait=2"}).json["status"] in {"queued", "succeeded"}


def test_a_pushed_task_is_sent_at_once(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    waits: list[float] = []
    with receiver() as found, pushing():
        register(found.url)
        ended(alice, submit())
        for _ in range(20):
            began = time.monotonic()
            submit()
            assert found.arrived.acquire(timeout=10)
            waits.append(time.monotonic() - began)
    print("submit to receiver, p50 ms:", sorted(waits)[10] * 1000)
    assert sorted(waits)[10] < 0.25


def test_its_concurrency_holds_over_all_dispatchers(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    slow = Slow()
    with receiver(slow) as found, pushing(), pushing(), pushing():
        register(found.url, push={"concurrency": 2})
        ids = [submit() for _ in range(20)]
        assert {ended(alice, one)["status"] for one in ids} == {"succeeded"}
    assert slow.most <= 2


def held_by(alice: Caller, task_id: str) -> str:
    return str(alice.get(f"/v1/tasks/{task_id}").json["lease"]["worker"])


def test_who_answered_202_holds_no_place_of_the_push(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver(answers=answering("202 Accepted")) as found, pushing():
        register(found.url, push={"concurrency": 1})
        ids = {submit() for _ in range(3)}
        until(lambda: {one.headers["webhook-id"] for one in found.requests} == ids, 30)
        until(lambda: {held_by(alice, one) for one in ids} == {"the receiver"}, 30)


def test_a_worker_may_pull_from_a_queue_that_is_pushed(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    receives = Holding()
    with receiver(receives) as found, pushing():
        register(found.url, push={"concurrency": 1})
        pushed = submit()
        receives.wait_for(1)
        pulled = submit()
        [lease] = alice.post("/v1/leases", {"queues": ["resize"], "limit": 5}).json["leases"]
        assert lease["task"]["id"] == pulled
        alice.post("/v1/leases/settle", {"leases": [{"token": lease["token"], "outcome": "succeeded"}]})
        receives.let_go()
        assert {ended(alice, one)["attempts"] for one in (pushed, pulled)} == {1}
    assert [one.headers["webhook-id"] for one in receives.seen] == [pushed]


def test_a_push_that_may_go_is_found_behind_many_that_may_not(pushing, register, alice: Caller, mia: Caller) -> None:  # type: ignore[no-untyped-def]
    receives = Holding()
    with receiver(receives) as found:
        register(found.url)
        assert mia.patch("/v1/queues/resize", {"key_limits": {"max_running": 1}}).status_code == 200
        for keys in ("a" * 1000, "a" * 1000, "b"):
            many = [{"command": "resize", "payload": key, "limit_key": key} for key in keys]
            assert alice.post("/v1/tasks/batch", {"tasks": many, "atomic": True}).status_code == 200
        with pushing(every_s=300):  # it does not come to it by looking again
            seen = receives.wait_for(2)
            assert sorted(orjson.loads(one.body)["payload"] for one in seen) == ["a", "b"]
            assert mia.post("/v1/queues/resize/pause").status_code == 200
            receives.let_go()
            until(lambda: alice.get("/v1/queues/resize").json["running"]["count"] == 0)
