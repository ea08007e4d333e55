"""Received webhooks over HTTP: found, verified again, replayed, and by whom."""

import pytest

from support.caller import Caller
from support.github import GITHUB, PUSH, SECRET, Hook

NOBODYS = "/v1/requests/00000000-0000-7000-8000-00000000dead"


@pytest.fixture
def rejected(alice: Caller, hook: Hook) -> str:
    """The path of a request that was signed with a secret that the source does not know."""
    alice.put("/v1/sources/github", GITHUB)
    assert hook.send(secret="the right one", delivery="d-1").status_code == 401
    [request] = alice.get("/v1/requests").json["requests"]
    return f"/v1/requests/{request['id']}"


@pytest.fixture
def routed(alice: Caller, hook: Hook) -> str:
    alice.put("/v1/sources/github", GITHUB)
    return f"/v1/requests/{hook.send(delivery='d-1').json['id']}"


def mend(alice: Caller) -> None:
    secrets = [{"secret": SECRET}, {"secret": "the right one"}]
    assert alice.put("/v1/sources/github", {**GITHUB, "secrets": secrets}).status_code == 200


def test_a_rejected_request_is_verified_and_routed_once_the_secret_is_mended(rejected: str, alice: Caller) -> None:
    mend(alice)
    request = alice.post(f"{rejected}/verify")
    assert request.status_code == 200
    assert (request.json["verdict"], request.json["reason"], request.json["detail"]) == ("routed", None, None)
    [made] = request.json["tasks"]
    assert alice.get(f"/v1/tasks/{made['task_id']}").json["payload"] == {"ref": "main"}
    assert alice.get(rejected).json == request.json


def test_a_question_that_is_verified_later_is_answered_to_nobody_and_makes_no_task(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "routes": [{"command": "build", "payload": "body"}]})
    assert hook.send(event="ping", secret="the right one").status_code == 401
    [one] = alice.get("/v1/requests").json["requests"]
    mend(alice)
    request = alice.post(f"/v1/requests/{one['id']}/verify")
    assert request.status_code == 200
    assert (request.json["verdict"], request.json["reason"], request.json["type"]) == ("answered", None, "ping")
    assert (request.json["tasks"], alice.get("/v1/tasks").json["tasks"]) == ([], [])


def test_verifying_in_vain_changes_no_more_than_the_reason(rejected: str, alice: Caller) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "secrets": []})
    request = alice.post(f"{rejected}/verify").json
    assert (request["verdict"], request["reason"], request["tasks"]) == ("rejected", "no_secret", [])


def test_what_was_not_rejected_cannot_be_verified(routed: str, alice: Caller) -> None:
    assert alice.post(f"{routed}/verify").status_code == 409


def test_what_was_sent_again_meanwhile_is_not_taken_twice(rejected: str, alice: Caller, hook: Hook) -> None:
    mend(alice)
    taken = hook.send(secret="the right one", delivery="d-1").json["id"]
    refused = alice.post(f"{rejected}/verify")
    assert refused.status_code == 409
    assert taken in refused.json["detail"]
    assert len(alice.get("/v1/tasks").json["tasks"]) == 1


def test_a_verified_one_holds_its_key(rejected: str, alice: Caller, hook: Hook) -> None:
    mend(alice)
    alice.post(f"{rejected}/verify")
    assert rejected.endswith(hook.send(delivery="d-1").json["id"])


def test_the_body_of_one_that_was_too_large_is_not_there(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "max_body": 10})
    hook.send(b"x" * 11)
    [request] = alice.get("/v1/requests").json["requests"]
    assert alice.post(f"/v1/requests/{request['id']}/verify").status_code == 409


def test_the_doctor_tells_what_is_wrong(rejected: str, alice: Caller) -> None:
    [first, *_] = alice.get(f"{rejected}/diagnosis").json["findings"]
    assert first["code"] == "wrong_signature"
    assert first["sentence"]
    assert first["advice"]
    assert SECRET not in str(first)
    mend(alice)
    assert alice.get(f"{rejected}/diagnosis").json == {"findings": []}
    alice.post(f"{rejected}/verify")
    assert alice.get(f"{rejected}/diagnosis").status_code == 409


def test_the_doctor_knows_what_was_refused_unseen(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "max_body": 10})
    hook.send(b"x" * 11)
    [request] = alice.get("/v1/requests").json["requests"]
    answer = alice.get(f"/v1/requests/{request['id']}/diagnosis")
    assert answer.status_code == 200, answer.text
    [finding] = answer.json["findings"]
    assert (finding["code"], "max_body" in finding["advice"]) == ("too_large", True)


def test_a_replay_makes_the_tasks_anew(routed: str, alice: Caller) -> None:
    before = alice.get(routed).json["tasks"]
    alice.put("/v1/sources/github", {**GITHUB, "routes": [{**PUSH, "command": "build-anew"}]})
    after = alice.post(f"{routed}/replay").json["tasks"]
    assert len(after) == 2
    [new] = [one for one in after if one not in before]
    assert alice.get(f"/v1/tasks/{new['task_id']}").json["command"] == "build-anew"


def test_a_replay_mends_what_was_unroutable(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", {**GITHUB, "routes": [{**PUSH, "payload": "abs(body.ref)"}]})
    path = f"/v1/requests/{hook.send().json['id']}"
    still = alice.post(f"{path}/replay").json
    assert (still["verdict"], len(still["errors"])) == ("unroutable", 1)
    alice.put("/v1/sources/github", GITHUB)
    mended = alice.post(f"{path}/replay").json
    assert (mended["verdict"], mended["errors"], len(mended["tasks"])) == ("routed", [], 1)


def test_a_replay_with_a_key_happens_once(routed: str, alice: Caller) -> None:
    key = {"Idempotency-Key": "k"}
    first, second = (alice.post(f"{routed}/replay", headers=key) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(alice.get("/v1/tasks").json["tasks"]) == 2


def test_a_rejected_request_cannot_be_replayed(rejected: str, alice: Caller) -> None:
    assert alice.post(f"{rejected}/replay").status_code == 409
    assert alice.get("/v1/tasks").json["tasks"] == []


def test_nothing_becomes_of_a_request_whose_source_is_gone(routed: str, alice: Caller) -> None:
    alice.delete("/v1/sources/github")
    assert alice.post(f"{routed}/replay").status_code == 409
    alice.put("/v1/sources/github", GITHUB)
    assert alice.post(f"{routed}/replay").status_code == 409, "another source of the same name"
    assert alice.get(routed).status_code == 200


def test_requests_are_found_by_what_they_are(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", GITHUB)
    alice.put("/v1/sources/other", GITHUB)
    push = hook.send().json["id"]
    issue = hook.send(event="issues").json["id"]
    other = hook.send(path="/hooks/other").json["id"]
    hook.send(secret="wrong")

    def found(query: str) -> list[str]:
        return [one["id"] for one in alice.get(f"/v1/requests?{query}").json["requests"]]

    assert found("source=other") == [other]
    assert found("type=push") == [other, push]
    assert found("verdict=unrouted") == [issue]
    assert len(found("verdict=rejected")) == 1
    assert found("verdict=routed&source=github") == [push]
    assert len(found("received_from=2020-01-01T00:00:00Z")) == 4
    assert found("received_until=2020-01-01T00:00:00Z") == []


def test_pages_lead_through_all_requests(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/github", GITHUB)
    sent = [hook.send().json["id"] for _ in range(5)]
    seen: list[str] = []
    page = alice.get("/v1/requests?limit=2")
    while True:
        seen += [one["id"] for one in page.json["requests"]]
        if "Link" not in page.headers:
            break
        page = alice.get(page.headers["Link"].partition(">")[0].removeprefix("<"))
    assert seen == sent[::-1]


@pytest.mark.parametrize("query", ["verdict=x", "received_from=now", "limit=0", "cursor=x", "nmae=1", "source=a%00b"])
def test_a_bad_question_is_a_422(alice: Caller, query: str) -> None:
    assert alice.get(f"/v1/requests?{query}").status_code == 422


def test_nobody_without_a_key_comes_near(routed: str, nobody: Caller) -> None:
    answers = [nobody.get("/v1/requests"), nobody.get(routed), nobody.get(f"{routed}/diagnosis")]
    answers += [nobody.post(f"{routed}/{deed}") for deed in ("verify", "replay")]
    assert {answer.status_code for answer in answers} == {401}


def test_a_stranger_sees_nothing(routed: str, bob: Caller, mia: Caller) -> None:
    answers = [
        bob.get(routed),
        bob.get(f"{routed}/diagnosis"),
        *(bob.post(f"{routed}/{deed}") for deed in ("verify", "replay")),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert bob.get("/v1/requests").json == {"requests": []}
    assert bob.get("/v1/requests?owner=all").status_code == 403
    assert mia.get(routed).status_code == 200
    assert len(mia.get("/v1/requests?owner=all").json["requests"]) == 1


def test_what_is_not_there_is_a_404(alice: Caller) -> None:
    answers = [alice.get(NOBODYS), *(alice.post(f"{NOBODYS}/{deed}") for deed in ("verify", "replay"))]
    assert {answer.status_code for answer in answers} == {404}


def test_credentials_in_a_request_are_masked(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/gitlab", {"preset": "gitlab", "secrets": [{"secret": "the shared one"}]})
    alice.put("/v1/sources/all", {"preset": "none", "routes": [{"command": "c", "payload": "headers"}]})
    sent = {"X-Gitlab-Token": "the shared one", "Authorization": "Bearer abc"}
    for path in ("/hooks/gitlab", "/hooks/all"):
        answer = hook.send(path=path, headers=sent)
        assert answer.status_code == 200
        assert "Bearer abc" not in alice.get(f"/v1/requests/{answer.json['id']}").text
    assert "Bearer abc" not in alice.get("/v1/tasks").text
    [first] = alice.get("/v1/requests?source=gitlab").json["requests"]
    assert "the shared one" not in alice.get(f"/v1/requests/{first['id']}").text


def test_credentials_in_a_rejected_request_are_masked_too(alice: Caller, hook: Hook) -> None:
    alice.put("/v1/sources/gitlab", {"preset": "gitlab", "secrets": [{"secret": "the shared one"}]})
    sent = {"X-Gitlab-Token": "the old one"}
    assert hook.send(path="/hooks/gitlab?access_token=abc&page=2", headers=sent).status_code == 401
    [first] = alice.get("/v1/requests?source=gitlab").json["requests"]
    whole = alice.get(f"/v1/requests/{first['id']}")
    assert "the old one" not in whole.text
    assert first["query"] == whole.json["query"] == "access_token=…&page=2"
