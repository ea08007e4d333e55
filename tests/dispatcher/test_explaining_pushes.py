"""GET /v1/tasks/{id}/explain of tasks whose command is pushed."""

from typing import Any

from support.caller import Caller
from support.pushes import Holding
from support.receivers import receiver, whole
from support.signals import until
from taskyard.core.clock import FrozenClock


def explained(who: Caller, task_id: str) -> tuple[list[str], str, str]:
    """The codes, the first detail, and what comes next."""
    found = who.get(f"/v1/tasks/{task_id}/explain").json
    return [one["code"] for one in found["reasons"]], found["reasons"][0]["detail"], found["next"]


def test_nobody_pushes(register, submit, alice: Caller, time: FrozenClock) -> None:  # type: ignore[no-untyped-def]
    register("https://example.com/tasks")
    codes, detail, following = explained(alice, submit())
    assert codes == ["no_dispatcher"]
    assert "none has of late" in detail
    assert "posts it to the URL" in following


def test_its_push_is_full(pushing, register, submit, alice: Caller, bob: Caller) -> None:  # type: ignore[no-untyped-def]
    receives = Holding()
    with receiver(receives) as found, pushing():
        register(found.url, push={"concurrency": 2})
        first, second, third = submit(), submit(), submit()
        theirs = bob.post("/v1/tasks", {"command": "resize"}).json["id"]
        receives.wait_for(2)
        codes, detail, _ = explained(alice, third)
        assert codes == ["push_limit"]
        assert detail.startswith("The push of the queue resize is full: 2/2 requests are under way, held by ")
        assert first in detail
        assert second in detail
        codes, detail, _ = explained(bob, theirs)
        assert codes == ["push_limit", "tasks_ahead"]
        assert "held by" not in detail, "of others he is told no ids"
        receives.let_go()


def test_its_receiver_asked_to_wait(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    busy = whole("503 Service Unavailable", b"", "Retry-After: 120")
    with receiver(answers=lambda _: busy) as found, pushing():
        register(found.url)
        task_id = submit()
        until(lambda: alice.get(f"/v1/tasks/{task_id}").json["status"] == "scheduled")
        codes, detail, _ = explained(alice, task_id)
        task: dict[str, Any] = alice.get(f"/v1/tasks/{task_id}").json
        [attempt] = alice.get(f"/v1/tasks/{task_id}/attempts").json["attempts"]
    assert codes == ["receiver_busy"]
    assert f"with 503 and asked to wait until {task['run_at']}" in detail
    assert (task["error"], attempt["error"]["type"]) == (None, "status_503")


def test_its_command_is_not_pushed(pushing, register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    with receiver() as found, pushing():
        register(found.url)
        task_id = submit(command="other", queue="resize")
        until(lambda: alice.get(f"/v1/tasks/{task_id}").json["status"] == "scheduled")
        codes, _, _ = explained(alice, task_id)
        assert codes == ["not_pushed", "no_worker"]
        alice.post("/v1/leases", {"queues": ["resize"], "worker": "pulls"})
        assert explained(alice, task_id)[0] == ["not_pushed"]


def test_a_task_for_another_queue_waits_for_workers(register, submit, alice: Caller) -> None:  # type: ignore[no-untyped-def]
    register("https://example.com/tasks")
    assert explained(alice, submit(queue="by-hand"))[0] == ["no_worker"]
