"""The worker in Python: handlers as functions."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from support.server import Server
from support.signals import until
from taskyard.client import (
    Client,
    DoNotRetry,
    Failure,
    Report,
    RetryIn,
    RunningTask,
    Stop,
    Task,
    Unauthenticated,
    Worker,
)
from taskyard.client.worker import queue_of

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True),  # the database does not matter here
]
Running = Callable[[Worker], AbstractContextManager[None]]


@pytest.fixture
def running() -> Running:
    """A worker at work while the block runs."""

    @contextmanager
    def run(worker: Worker) -> Iterator[None]:
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield
        finally:
            worker.stop()
            thread.join(20)
            assert not thread.is_alive()

    return run


def test_what_a_handler_returns_is_the_result_and_what_it_raises_is_the_error(client: Client, running: Running) -> None:
    worker = Worker(client, concurrency=2)

    @worker.command("w-half")
    def half(payload: int, task: RunningTask) -> float:
        task.log(f"halving {payload}")
        if payload < 0:
            raise Failure({"type": "negative", "n": payload})
        return payload / 2 if payload else 1 / payload

    @worker.command("w-object")
    def no_json(_payload: None, _task: RunningTask) -> object:
        return {object()}

    with running(worker):
        sent = [client.submit("w-half", number, max_attempts=1) for number in (8, 0, -1)]
        fine, raised, told = (client.wait(task.id, 20) for task in sent)
        unfit = client.wait(client.submit("w-object", max_attempts=1).id, 20)
    assert (fine.status, fine.result) == ("succeeded", 4.0)
    assert raised.error["type"] == "ZeroDivisionError"
    assert "in half" in raised.error["traceback"]
    assert (told.status, told.error) == ("failed", {"type": "negative", "n": -1})
    assert (unfit.status, unfit.error["type"]) == ("failed", "TypeError")
    assert client.attempts(fine.id)[0].log == "halving 8\n"


def test_a_handler_says_whether_and_when_to_try_again(client: Client, running: Running) -> None:
    worker = Worker(client)

    @worker.command("w-again")
    def again(payload: str, task: RunningTask) -> int:
        if payload == "never":
            raise DoNotRetry("no such customer")
        if task.attempt == 1:
            raise RetryIn(0.05)
        return task.attempt

    with running(worker):
        never, soon = client.submit("w-again", "never"), client.submit("w-again", "soon")
        failed = client.wait(never.id, 20)
        assert client.wait(soon.id, 20).result == 2
    assert (failed.status, failed.attempts) == ("failed", 1)
    assert failed.error == {"type": "do-not-retry", "message": "no such customer"}


def test_a_handler_is_told_why_it_should_stop(client: Client, running: Running) -> None:
    worker = Worker(client, lease_s=1, stop_grace_s=0.2, grace_s=0)
    why: dict[str, Stop | None] = {}

    @worker.command("w-stop")
    def wait(payload: str, task: RunningTask) -> str | None:
        task.progress(1, "waiting")
        task.cancelled.wait(20)
        why[payload] = task.stopped
        return "finished all the same" if payload == "fast" else None

    with running(worker):
        late = client.submit("w-stop", "late", timeout_s=1, max_attempts=1)
        cancelled, fast, drained = (client.submit("w-stop", name) for name in ("cancelled", "fast", "drained"))
        for task in (cancelled, fast):
            until(lambda task=task: client.get(task.id).status == "running")
            client.cancel(task.id)
        assert client.wait(cancelled.id, 20).status == "cancelled"
        assert client.wait(fast.id, 20).result == "finished all the same"
        assert client.wait(late.id, 20).error["type"] == "timeout"
        until(lambda: client.get(drained.id).status == "running")
    assert client.get(drained.id).status == "queued"
    assert why == {"late": Stop.TIMEOUT, "cancelled": Stop.CANCEL, "fast": Stop.CANCEL, "drained": Stop.DRAIN}


def test_a_handler_that_goes_on_after_its_lease_is_lost_changes_nothing(client: Client, running: Running) -> None:
    worker = Worker(client, lease_s=1)
    stopped = threading.Event()

    @worker.command("w-lost")
    def wait(_payload: None, task: RunningTask) -> str:
        client.settle([Report(task.token, "succeeded", "settled by another")])
        assert task.cancelled.wait(20)
        assert task.stopped is Stop.STALE
        stopped.set()
        return "too late"

    with running(worker):
        task = client.submit("w-lost")
        assert stopped.wait(20)
    assert client.get(task.id).result == "settled by another"


def test_a_task_without_a_handler_here_is_given_back_for_a_while(client: Client, running: Running) -> None:
    worker = Worker(client, queues=["w-shared"])
    worker.command("w-known")(lambda payload, _task: payload)
    with running(worker):
        known, strange = (client.submit(name, 1, queue="w-shared") for name in ("w-known", "w-strange"))
        assert client.wait(known.id, 20).result == 1
        back = until(lambda: (found := client.get(strange.id)).status == "scheduled" and found)
    assert (back.failures, back.crashes) == (0, 0)
    [reason] = [one for one in client.explain(strange.id).reasons if one.code == "retry_waiting"]
    assert "That worker has no handler for its command." in reason.detail


def test_what_is_raised_and_is_no_json_fails_that_attempt_alone(client: Client, running: Running) -> None:
    raised = [
        Failure({"message": "object", "of": object()}),
        DoNotRetry({"message": "set", "of": {1, 2}}),
        RetryIn(float("inf")),
        RetryIn(timedelta(seconds=5)),  # type: ignore[arg-type]
    ]
    worker = Worker(client)

    @worker.command("w-poison")
    def poison(payload: int, _task: Any) -> int:
        if payload < len(raised):
            raise raised[payload]
        return payload

    with running(worker):
        sent = [client.submit("w-poison", number, max_attempts=1).id for number in range(len(raised) + 1)]
        ended = [client.wait(task, 20) for task in sent]
    assert [(one.status, one.crashes) for one in ended] == [*[("failed", 0)] * len(raised), ("succeeded", 0)]


def over(task: Task) -> Task | None:
    """The task once its first attempt is over."""
    return task if task.failures or task.crashes else None


class Final(Failure):
    retry = False


def test_what_the_server_refuses_of_an_error_takes_nothing_from_the_rest(client: Client, running: Running) -> None:
    """Of no use to try again stays so, and so does when to; what is a worker's own `refused` is nothing special."""
    raised = {
        "nul": DoNotRetry({"message": "a \0 in it"}),
        "long": DoNotRetry({"message": "x" * 100_000}),
        "text": DoNotRetry("a \0 and a \ud800 in it, and " + "x" * 100_000),
        "own": Failure({"type": "refused", "message": "\0"}),
        "later": RetryIn(3600, {"message": "\0"}),
        "never": RetryIn(-1, {"message": "fine"}),
        # The server looks in steps, and tells of the faults of the first at which it finds any.
        "two": RetryIn(-1, {"message": "\0"}),
        "body": RetryIn(-1, {"message": "x" * 3_000_000}),
        "both": Final({"message": "\0"}, retry_in_s=5),
        # Keys of an error that are also a report's.
        "retry": DoNotRetry({"retry": "\0", "log": "\0"}),
        "in_s": RetryIn(3600, {"retry_in_s": "\0"}),
        "key": DoNotRetry({"k" * 70_000: "\0"}),
    }
    worker = Worker(client)

    @worker.command("w-refused")
    def refused(payload: str, task: RunningTask) -> None:
        task.log("a word\n")
        raise raised[payload]

    with running(worker):
        sent = {
            name: client.submit("w-refused", name, max_attempts=3, backoff={"kind": "constant", "base_s": 60}).id
            for name in raised
        }
        ended = {name: until(lambda task=task: over(client.get(task))) for name, task in sent.items()}
    assert {name: (one.status, one.failures, one.crashes) for name, one in ended.items()} == {
        **dict.fromkeys(("nul", "long", "text", "both", "retry", "key"), ("failed", 1, 0)),
        **dict.fromkeys(("own", "later", "never", "two", "body", "in_s"), ("scheduled", 1, 0)),
    }
    [attempts] = zip(*(client.attempts(task) for task in sent.values()), strict=True)
    assert {one.log for one in attempts} == {"a word\n"}
    types = dict(zip(sent, (one.error["type"] for one in attempts), strict=True))
    assert types == {**dict.fromkeys(raised, "refused"), "text": "do-not-retry"}
    for late in ("later", "in_s"):
        assert ended[late].run_at - ended["own"].run_at > timedelta(minutes=50)


def test_many_tasks_are_run_by_few_hands(client: Client, running: Running) -> None:
    worker = Worker(client, concurrency=8)
    worker.command("w-many")(lambda payload, _task: payload + 1)
    sent = [client.submit("w-many", number).id for number in range(100)]
    with running(worker):
        assert [client.wait(task, 20).result for task in sent] == list(range(1, 101))


def test_a_worker_whom_the_server_refuses_says_so(shared_server: Server) -> None:
    with Client(shared_server.url, "ty_forged") as client:
        worker = Worker(client)
        worker.command("any")(lambda payload, _task: payload)
        with pytest.raises(Unauthenticated):
            worker.run()


def test_a_worker_without_a_command_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="no command"):
        Worker(client).run()


@pytest.mark.parametrize(
    ("command", "queue"),
    [
        ("resize", "resize"),
        ("img.resize:v2", "img.resize:v2"),
        ("send mail", "send-mail"),
        ("größe", "gr--e"),
        ("…", "default"),
        ("…a", "a"),
    ],
)
def test_a_worker_knows_the_queue_of_a_command_as_the_server_does(client: Client, command: str, queue: str) -> None:
    assert queue_of(command) == queue
    assert client.submit(command).queue == queue
