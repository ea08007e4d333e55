"""Sources over HTTP: made, read, changed and removed, and by whom."""

from typing import Any

import pytest

from support.caller import Caller
from support.github import GITHUB, PUSH, SECRET, Hook
from support.people import ALICE
from support.yard import at_once

PATH = "/v1/sources/github"
SCHEME = {"kind": "hmac", "names": [{"signature": "X-Signature"}], "encoding": "base64"}


def test_a_source_is_made_with_its_defaults(alice: Caller) -> None:
    made = alice.put(PATH, {"preset": "github"})
    assert (made.status_code, made.headers["Location"], made.headers["ETag"]) == (201, PATH, '"v1"')
    source = made.json
    assert (source["path"], source["preset"], source["owner_id"]) == ("/hooks/github", "github", ALICE.id)
    assert (source["secrets"], source["routes"], source["networks"], source["rate"]) == ([], [], [], None)
    assert source["max_body"] == 25 * 1024 * 1024, "what GitHub sends at most"
    assert source["dedupe"] == {"key": None, "window_s": 604_800}
    assert alice.get(PATH).json == source
    assert alice.get("/v1/sources").json == {"sources": [source]}


def test_a_secret_is_never_shown_again(alice: Caller) -> None:
    made = alice.put(PATH, GITHUB)
    shown = [made.text, alice.get(PATH).text, alice.get("/v1/sources").text]
    assert not any(SECRET in text for text in shown)
    [secret] = made.json["secrets"]
    assert secret["hint"] == "body"
    assert alice.put(PATH, {**GITHUB, "secrets": [{"secret": "short"}]}).json["secrets"][0]["hint"] == ""


def test_secrets_stay_unless_they_are_sent(alice: Caller, hook: Hook) -> None:
    before = alice.put(PATH, GITHUB).json["secrets"]
    assert alice.put(PATH, {"preset": "github"}).json["secrets"] == before
    assert hook.send().status_code == 200
    assert alice.put(PATH, {"preset": "github", "secrets": []}).json["secrets"] == []
    assert hook.send().status_code == 401


def test_a_secret_is_rotated_with_an_overlap(alice: Caller, hook: Hook) -> None:
    [old] = alice.put(PATH, GITHUB).json["secrets"]
    ends = "2099-01-01T00:00:00.000000Z"
    both = [{"secret": "another one altogether"}, {"id": old["id"], "expires_at": ends}]
    secrets = alice.put(PATH, {**GITHUB, "secrets": both}).json["secrets"]
    assert [one["expires_at"] for one in secrets] == [None, ends]
    assert hook.send().status_code == hook.send(secret="another one altogether").status_code == 200
    over = [both[0], {"id": old["id"], "expires_at": "2020-01-01T00:00:00Z"}]
    del over[0]["secret"]
    over[0] = {"id": secrets[0]["id"]}
    alice.put(PATH, {**GITHUB, "secrets": over})
    assert hook.send().status_code == 401
    assert hook.send(secret="another one altogether").status_code == 200
    [request] = alice.get("/v1/requests?verdict=rejected").json["requests"]
    assert (request["reason"], request["secret_id"]) == ("secret_expired", old["id"])


def test_an_unknown_secret_is_named(alice: Caller) -> None:
    unknown = "00000000-0000-7000-8000-00000000dead"
    refused = alice.put(PATH, {**GITHUB, "secrets": [{"secret": "x"}, {"id": unknown}]})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == ["/secrets/1/id"]


def test_a_scheme_of_its_own_needs_no_preset(alice: Caller) -> None:
    made = alice.put(PATH, {"scheme": SCHEME, "secrets": [{"secret": "s"}]})
    assert made.status_code == 201
    assert (made.json["preset"], made.json["scheme"]["digest"]) == ("custom", "sha256")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"preset": "nobody"}, "/preset"),
        ({"preset": None}, "/preset"),
        ({"scheme": SCHEME}, "/preset"),
        ({"preset": None, "scheme": {}}, "/scheme/names"),
        ({"preset": None, "scheme": {**SCHEME, "template": "{ts}{body}"}}, "/scheme/template"),
        ({"preset": None, "scheme": {**SCHEME, "template": "{body}{id}"}}, "/scheme/template"),
        ({"preset": None, "scheme": {**SCHEME, "template": "{timestamp}{body}", "freshness": {}}}, "/scheme/freshness"),
        ({"preset": None, "scheme": {**SCHEME, "freshness": {"field": "t"}}}, "/scheme/template"),
        ({"preset": None, "scheme": {**SCHEME, "grammar": "prefix"}}, "/scheme/field"),
        ({"preset": None, "scheme": {**SCHEME, "names": [{"signature": "a b"}]}}, "/scheme/names/0/signature"),
        ({"preset": None, "scheme": {**SCHEME, "freshness": {"tolerance_s": 0}}}, "/scheme/freshness/tolerance_s"),
        ({"secrets": [{}]}, "/secrets/0/secret"),
        ({"secrets": [{"secret": ""}]}, "/secrets/0/secret"),
        ({"secrets": [{"secret": "a\0b"}]}, "/secrets/0/secret"),
        ({"secrets": [{"secret": "x", "expires_at": "soon"}]}, "/secrets/0/expires_at"),
        ({"secrets": [{"secret": "x"}] * 11}, "/secrets"),
        ({"routes": [{}]}, "/routes/0/command"),
        ({"routes": [{"command": "c", "filter": "a["}]}, "/routes/0/filter"),
        ({"routes": [{"command": "c", "payload": ""}]}, "/routes/0/payload"),
        ({"routes": [{"command": "c", "payload": "nope(@)"}]}, "/routes/0/payload"),
        ({"routes": [{"command": "c", "unique_key": "x" * 3000}]}, "/routes/0/unique_key"),
        ({"routes": [{"command": "c", "delay_s": -1}]}, "/routes/0/delay_s"),
        ({"routes": [{"command": "c", "priority": "urgent"}]}, "/routes/0/priority"),
        ({"routes": [{"command": "c", "queue": "a b"}]}, "/routes/0/queue"),
        ({"routes": [{"command": "c"}] * 21}, "/routes"),
        ({"event_type": "]"}, "/event_type"),
        ({"dedupe": {"key": "]"}}, "/dedupe/key"),
        ({"dedupe": {"window_s": -1}}, "/dedupe/window_s"),
        ({"max_body": 26_214_401}, "/max_body"),
        ({"rate": {"count": 0, "per_s": 1}}, "/rate/count"),
        ({"rate": {"count": 1}}, "/rate/per_s"),
        ({"networks": ["10.0.0.1/8"]}, "/networks/0"),
        ({"networks": ["example.com"]}, "/networks/0"),
        ({"respond": {"status": 302}}, "/respond/status"),
        ({"respond": {"status": 204, "body": "x"}}, "/respond/body"),
        ({"respond": {"content_type": "a\nb"}}, "/respond/content_type"),
        ({"respond": {"headers": {"X": "a\r\nb: c"}}}, "/respond/headers/X/value"),
        ({"respond": {"headers": {"Content-Length": "1"}}}, "/respond/headers/Content-Length/key"),
        ({"nmae": 1}, "/nmae"),
    ],
)
def test_bad_input_is_named_with_its_place(alice: Caller, change: dict[str, Any], pointer: str) -> None:
    refused = alice.put(PATH, {**GITHUB, **change})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == [pointer]
    assert alice.get(PATH).status_code == 404


def test_every_fault_is_told_at_once(alice: Caller) -> None:
    refused = alice.put(PATH, {"preset": "nobody", "routes": [{"filter": "["}], "rate": {}, "max_body": 0})
    pointers = {fault["pointer"] for fault in refused.json["errors"]}
    assert pointers == {"/preset", "/routes/0/filter", "/routes/0/command", "/rate/count", "/rate/per_s", "/max_body"}


@pytest.mark.parametrize("name", ["-x", "a b", "é", "a%00b", "x" * 101])
def test_a_name_has_few_characters_to_choose_from(alice: Caller, name: str) -> None:
    refused = alice.put(f"/v1/sources/{name}", GITHUB)
    assert (refused.status_code, [fault["parameter"] for fault in refused.json["errors"]]) == (422, ["name"])
    assert alice.get(f"/v1/sources/{name}").status_code == 404


def test_nobody_without_a_key_comes_near(alice: Caller, nobody: Caller) -> None:
    alice.put(PATH, GITHUB)
    answers = [nobody.get("/v1/sources"), nobody.get(PATH), nobody.put(PATH, GITHUB), nobody.delete(PATH)]
    assert {answer.status_code for answer in answers} == {401}


def test_a_stranger_sees_nothing_and_cannot_take_the_name(alice: Caller, bob: Caller) -> None:
    alice.put(PATH, GITHUB)
    assert {bob.get(PATH).status_code, bob.delete(PATH).status_code} == {404}
    assert bob.put(PATH, GITHUB).status_code == 409
    assert bob.get("/v1/sources").json == {"sources": []}
    assert bob.get("/v1/sources?owner=all").status_code == 403
    assert alice.get(PATH).headers["ETag"] == '"v1"'


def test_a_moderator_changes_it_and_it_stays_its_owners(alice: Caller, mia: Caller) -> None:
    alice.put(PATH, GITHUB)
    assert mia.put(PATH, {**GITHUB, "routes": [PUSH, PUSH]}).json["owner_id"] == ALICE.id
    assert [one["name"] for one in mia.get("/v1/sources?owner=all").json["sources"]] == ["github"]
    assert mia.delete(PATH).status_code == 204


def test_a_stale_version_is_refused(alice: Caller) -> None:
    tag = alice.put(PATH, GITHUB).headers["ETag"]
    assert alice.put(PATH, {**GITHUB, "description": "x"}, headers={"If-Match": tag}).headers["ETag"] == '"v2"'
    assert alice.put(PATH, GITHUB, headers={"If-Match": tag}).status_code == 412
    assert alice.delete(PATH, headers={"If-Match": tag}).status_code == 412
    assert alice.put(PATH, GITHUB, headers={"If-None-Match": "*"}).status_code == 412
    assert alice.get(PATH, headers={"If-None-Match": '"v2"'}).status_code == 304


def test_pages_lead_through_all_sources(alice: Caller) -> None:
    names = [f"s{number}" for number in range(5)]
    for name in names:
        alice.put(f"/v1/sources/{name}", {"preset": "github"})
    seen: list[str] = []
    page = alice.get("/v1/sources?limit=2")
    while True:
        seen += [one["name"] for one in page.json["sources"]]
        if "Link" not in page.headers:
            break
        page = alice.get(page.headers["Link"].partition(">")[0].removeprefix("<"))
    assert seen == names


def test_two_users_cannot_both_get_a_name(alice: Caller, bob: Caller) -> None:
    answers = at_once(lambda: alice.put(PATH, GITHUB), lambda: bob.put(PATH, GITHUB))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
