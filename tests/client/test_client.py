"""The client against the real server, also over a network that loses answers."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from support.people import ALICE
from support.proxy import Proxy
from support.server import Server, free_port
from taskyard.client import (
    Client,
    Conflict,
    Extension,
    Interrupted,
    Invalid,
    NotEnded,
    NotFound,
    Report,
    Unauthenticated,
    Unreachable,
)

pytestmark = pytest.mark.e2e


@pytest.fixture
def proxy(shared_server: Server) -> Iterator[Proxy]:
    with Proxy(shared_server.port) as found:
        yield found


@pytest.fixture
def far(proxy: Proxy) -> Iterator[Client]:
    """A client behind the proxy."""
    with Client(proxy.url, ALICE.key, retry_for_s=5) as found:
        yield found


def test_a_task_is_submitted_read_and_found(client: Client) -> None:
    task = client.submit("c-find", {"n": 1}, priority="high", queue="c-q", tags=["c-tag"], delay_s=60, timeout_s=7)
    assert (task.status, task.queue, task.priority, task.tags, task.timeout_s) == (
        "scheduled",
        "c-q",
        "high",
        ["c-tag"],
        7,
    )
    assert task.run_at - task.created_at == timedelta(seconds=60)
    assert client.get(task.id) == task
    assert list(client.list(tag="c-tag")) == [task]


def test_a_list_goes_on_over_all_pages(client: Client) -> None:
    sent = [client.submit("c-page", number).id for number in range(5)]
    assert [task.id for task in client.list(command="c-page", page_size=2)] == sent[::-1]


def test_a_task_is_claimed_kept_settled_and_retried(client: Client) -> None:
    task = client.submit("c-work", {"n": 1}, max_attempts=1)
    [lease] = client.claim(["c-work"], lease_s=30, worker="w1")
    assert (lease.task.payload, lease.attempt) == ({"n": 1}, 1)
    assert client.extend([Extension(lease.token, 60, 40, "page 4", "a line\n")]) == ["ok"]
    running = client.get(task.id).lease
    assert running
    assert (running.worker, running.progress, running.note) == ("w1", 40, "page 4")
    [settled] = client.settle([Report(lease.token, "failed", error={"message": "no"})])
    assert (settled.status, settled.task_status) == ("ok", "failed")
    assert [(one.outcome, one.log) for one in client.attempts(task.id)] == [("failed", "a line\n")]
    assert client.retry(task.id).status == "queued"
    assert client.cancel(task.id).status == "cancelled"
    client.delete(task.id)
    with pytest.raises(NotFound):
        client.get(task.id)


def test_there_may_be_nothing_to_claim(client: Client) -> None:
    assert client.claim(["c-empty"]) == []


def test_waiting_ends_with_the_task_or_with_its_time(client: Client) -> None:
    task = client.submit("c-wait")
    with pytest.raises(NotEnded):
        client.wait(task.id, 0.2)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.wait, task.id, 20)
        [lease] = client.claim(["c-wait"])
        client.settle([Report(lease.token, "succeeded", 7)])
        assert waiting.result(10).result == 7


def test_a_refusal_carries_the_problem(client: Client, shared_server: Server) -> None:
    with pytest.raises(Invalid) as refused:
        client.submit(" ", priority="urgent")
    assert refused.value.status == 422
    assert {fault["pointer"] for fault in refused.value.errors} == {"/command", "/priority"}
    assert "/priority" in str(refused.value)
    task = client.submit("c-open")
    with pytest.raises(Conflict, match="queued"):
        client.retry(task.id)
    with Client(shared_server.url, "ty_forged") as nobody, pytest.raises(Unauthenticated):
        nobody.get(task.id)


def test_nobody_listening_is_said_after_the_retries() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", retry_for_s=0.2) as client, pytest.raises(Unreachable):
        client.get("any")


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", "http://", "not a url"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL"):
        Client(url)


def test_a_submission_whose_answer_is_lost_makes_one_task(far: Client, proxy: Proxy) -> None:
    proxy.lose = 2
    task = far.submit("c-lost", 1)
    assert proxy.requests == 3
    assert [found.id for found in far.list(command="c-lost")] == [task.id]


def test_a_claim_whose_answer_is_lost_gets_the_same_leases(far: Client, client: Client, proxy: Proxy) -> None:
    tasks = [client.submit("c-claim", number).id for number in range(3)]
    proxy.lose = 1
    assert [lease.task.id for lease in far.claim(["c-claim"], limit=2)] == tasks[:2]
    assert [lease.task.id for lease in far.claim(["c-claim"], limit=2)] == tasks[2:]


def test_what_cannot_be_repeated_is_not(far: Client, client: Client, proxy: Proxy) -> None:
    task = client.submit("c-once")
    client.cancel(task.id)
    proxy.lose = 1
    with pytest.raises(Unreachable):
        far.retry(task.id)
    assert client.get(task.id).status == "queued"


def test_a_waiting_claim_can_be_interrupted_and_takes_nothing(client: Client) -> None:
    line = client.twin()
    raised = threading.Event()

    def claim() -> None:
        with pytest.raises(Interrupted):
            line.claim(["c-cut"], wait_s=20)
        raised.set()

    waiting = threading.Thread(target=claim)
    waiting.start()
    while not raised.wait(0.05):
        line.interrupt()
    waiting.join()
    line.close()
    client.submit("c-cut")
    assert len(client.claim(["c-cut"])) == 1


def test_many_are_submitted_at_once_all_or_each_for_itself(client: Client) -> None:
    sent: list[dict[str, Any]] = [{"command": "c-many", "payload": number} for number in range(3)]
    assert [task.payload for task in client.submit_many(sent)] == [0, 1, 2]
    with pytest.raises(Invalid) as refused:
        client.submit_many([*sent, {"command": ""}])
    assert [fault["pointer"] for fault in refused.value.errors] == ["/tasks/3/command"]
    *tasks, error = client.submit_many([*sent, {"command": ""}], atomic=False)
    assert [getattr(task, "status", None) for task in tasks] == ["queued"] * 3
    assert isinstance(error, Invalid)
    ids = client.submit_many(sent, minimal=True, idempotency_key="c-many")
    assert [client.get(one).payload for one in ids] == [0, 1, 2]
    assert [task.id for task in client.submit_many(sent, idempotency_key="c-many")] == ids


def test_many_payloads_and_many_leases_are_said_at_once(client: Client) -> None:
    ids = client.submit_many([{"command": "c-alike", "payloads": [1, 2, 3]}], minimal=True)
    leases = client.claim(["c-alike"], limit=5)
    assert [(one.task.id, one.task.payload) for one in leases] == list(zip(ids, (1, 2, 3), strict=True))
    tokens = [one.token for one in leases]
    assert client.settle_alike(tokens[:2], "succeeded", result={"ok": True}, log="done") == []
    assert [client.get(one).result for one in ids] == [{"ok": True}, {"ok": True}, None]
    told = client.settle_alike(tokens, "failed", error={"message": "late"}, retry=False)
    assert [(one.token, one.status) for one in told] == [(token, "stale") for token in tokens[:2]]
    assert client.get(ids[2]).status == "failed"


def test_tasks_run_after_others(client: Client) -> None:
    first = client.submit("c-first")
    then = client.submit("c-then", after=[first.id], on_failure="run")
    assert (then.status, then.after, then.on_failure) == ("scheduled", [first.id], "run")


def test_a_group_is_submitted_read_and_cancelled(client: Client) -> None:
    group = client.submit_group([{"command": "c-part"}] * 2, {"command": "c-whole"}, on_failure="run")
    [lease] = client.claim(["c-part"])
    assert lease.task.group_id == group.id
    client.settle([Report(lease.token, "succeeded", 7)])
    found = client.group(group.id)
    assert (found.tasks, found.completion_status) == ({"succeeded": 1, "queued": 1}, "scheduled")
    assert [task.result for task in client.list(group=group.id, status="succeeded")] == [7]
    assert client.cancel_group(group.id).tasks == {"succeeded": 1, "cancelled": 1}


def test_a_submission_may_wait_for_the_result(client: Client) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.submit, "c-held", wait_s=20)
        [lease] = client.claim(["c-held"], wait_s=10)
        client.settle([Report(lease.token, "succeeded", 7)])
        assert waiting.result(10).result == 7
    assert client.submit("c-held", wait_s=1).status == "queued"
