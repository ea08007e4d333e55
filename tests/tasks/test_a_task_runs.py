"""The main job: submit, claim, settle, read."""

from support.caller import Caller


def test_a_task_is_submitted_claimed_settled_and_read(alice: Caller) -> None:
    submitted = alice.post("/v1/tasks", {"command": "resize", "payload": {"width": 200}, "priority": "high"})
    assert submitted.status_code == 201
    path = submitted.headers["Location"]
    assert submitted.json == alice.get(path).json
    assert submitted.json["status"] == "queued"

    claimed = alice.post("/v1/leases", {"queues": ["resize"], "worker": "w1"})
    assert claimed.status_code == 200
    [lease] = claimed.json["leases"]
    assert lease["task"]["payload"] == {"width": 200}
    assert lease["attempt"] == 1
    assert alice.get(path).json["status"] == "running"

    report = {"token": lease["token"], "outcome": "succeeded", "result": {"url": "/200.png"}}
    settled = alice.post("/v1/leases/settle", {"leases": [report]})
    assert settled.json == {"leases": [{"token": lease["token"], "status": "ok", "task_status": "succeeded"}]}

    done = alice.get(path).json
    assert done["status"] == "succeeded"
    assert done["result"] == {"url": "/200.png"}
    assert alice.post("/v1/leases", {"queues": ["resize"]}).status_code == 204
