"""A rejected request is an event, where somebody listens."""

from support.caller import Caller
from support.github import Hook


def test_a_rejected_request_is_told_to_who_has_subscribed(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/gitlab", {"preset": "gitlab", "secrets": [{"secret": "the shared one"}]})
    hook.send(path="/hooks/gitlab", headers={"X-Gitlab-Token": "wrong"})
    assert alice.get("/v1/events?type=request.rejected").json["events"] == [], "nobody has subscribed"
    endpoint = {"url": "https://example.com/hook", "event_types": ["request.rejected"]}
    assert alice.post("/v1/endpoints", endpoint).status_code == 201
    hook.send(path="/hooks/gitlab", headers={"X-Gitlab-Token": "wrong"})
    [newest, _] = alice.get("/v1/requests?source=gitlab").json["requests"]
    [event] = alice.get("/v1/events?type=request.rejected").json["events"]
    assert event["data"] == {"request_id": newest["id"], "source": "gitlab", "reason": newest["reason"]}
