"""Endpoints over HTTP: made, read, changed, paused and removed, and by whom."""

from collections.abc import Callable
from typing import Any

import pytest

from support.caller import Caller
from support.people import ALICE
from support.post_office import PostOffice
from taskyard.core.clock import FrozenClock
from taskyard.events.tables import subscription
from taskyard.outbox.models import EndpointSecret

Make = Callable[..., dict[str, Any]]
HOOK = {"url": "https://example.com/hook", "event_types": ["task.*"]}
NOWHERE = "019a8d4f-7c1e-7b7a-9d55-2f6d3c1b8e10"
SECRETS: Any = EndpointSecret.__table__


def test_an_endpoint_is_made_with_its_defaults_and_its_secret_is_shown_once(alice: Caller) -> None:
    made = alice.post("/v1/endpoints", HOOK)
    assert (made.status_code, made.headers["ETag"]) == (201, '"v1"')
    [secret] = made.json["secrets"]
    assert secret["secret"].startswith("whsec_")
    assert (made.json["owner_id"], made.json["concurrency"], made.json["ordering"]) == (ALICE.id, 8, "none")
    shown = alice.get(made.headers["Location"])
    assert "secret" not in shown.json["secrets"][0]
    assert secret["secret"] not in shown.text
    assert shown.json["state"]["failures"] == 0


def test_an_ed25519_secret_shows_its_public_key_only(alice: Caller) -> None:
    made = alice.post("/v1/endpoints", HOOK | {"secrets": ["ed25519"]}).json
    assert made["secrets"][0]["secret"] is None
    assert made["secrets"][0]["public_key"].startswith("whpk_")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "ftp://example.com"}, "/url"),
        ({"url": "https://user:pw@example.com"}, "/url"),
        ({"url": "https://"}, "/url"),
        ({"url": "https://exa mple.com"}, "/url"),
        ({"url": "https://[::1"}, "/url"),
        ({"url": 5}, "/url"),
        ({"url": "https://e/" + "x" * 2048}, "/url"),
        ({"event_types": []}, "/event_types"),
        ({"event_types": ["a.b"] * 51}, "/event_types"),
        ({"event_types": ["task"]}, "/event_types/0"),
        ({"event_types": ["*.failed"]}, "/event_types/0"),
        ({"event_types": ["Task.failed"]}, "/event_types/0"),
        ({"filter": "data."}, "/filter"),
        ({"allow": ["10.0.0.1/8"]}, "/allow/0"),
        ({"allow": ["a b"]}, "/allow/0"),
        ({"allow": ["a.example"] * 21}, "/allow"),
        ({"filter": ""}, "/filter"),
        ({"filter": "[" * 900}, "/filter"),
        ({"headers": {"Host": "x"}}, "/headers/Host"),
        ({"headers": {"webhook-id": "x"}}, "/headers/webhook-id"),
        ({"headers": {"X-A": "a\r\nb: c"}}, "/headers/X-A"),
        ({"headers": {"X A": "a"}}, "/headers/X A"),
        ({"headers": {f"X-{n}": "a" for n in range(21)}}, "/headers"),
        ({"retry_delays_s": []}, "/retry_delays_s"),
        ({"retry_delays_s": [-1]}, "/retry_delays_s/0"),
        ({"retry_delays_s": ["1"]}, "/retry_delays_s/0"),
        ({"timeout_s": 61}, "/timeout_s"),
        ({"concurrency": 0}, "/concurrency"),
        ({"rate_per_s": 0}, "/rate_per_s"),
        ({"ordering": "random"}, "/ordering"),
        ({"secrets": ["rsa"]}, "/secrets/0"),
        ({"secrets": ["hmac", "hmac"]}, "/secrets"),
        ({"nmae": 1}, "/nmae"),
    ],
)
def test_bad_input_is_named_with_its_place(alice: Caller, change: dict[str, Any], pointer: str) -> None:
    refused = alice.post("/v1/endpoints", HOOK | change)
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == [pointer]
    assert alice.get("/v1/endpoints").json == {"endpoints": []}


ROUTES = [
    ("GET", "/v1/endpoints/{id}", None),
    ("PATCH", "/v1/endpoints/{id}", {"timeout_s": 3}),
    ("DELETE", "/v1/endpoints/{id}", None),
    ("POST", "/v1/endpoints/{id}/pause", None),
    ("POST", "/v1/endpoints/{id}/resume", None),
    ("POST", "/v1/endpoints/{id}/test", None),
    ("POST", "/v1/endpoints/{id}/secrets", {}),
    ("GET", "/v1/endpoints/{id}/deliveries", None),
    ("GET", "/v1/endpoints/{id}/replays", None),
    ("POST", "/v1/endpoints/{id}/replays", {"since": "2026-01-01T00:00:00Z"}),
    ("GET", "/v1/deliveries/{delivery}", None),
    ("POST", "/v1/deliveries/{delivery}/resend", None),
    ("GET", "/v1/replays/{replay}", None),
    ("POST", "/v1/replays/{replay}/pause", None),
    ("POST", "/v1/replays/{replay}/resume", None),
    ("POST", "/v1/replays/{replay}/cancel", None),
]


@pytest.fixture
def ids(alice: Caller, endpoint: Make) -> dict[str, str]:
    """An endpoint of alice's, a delivery that waits there, and a replay that runs."""
    id_ = endpoint()["id"]
    delivery = alice.post(f"/v1/endpoints/{id_}/test").json["id"]
    replay = alice.post(f"/v1/endpoints/{id_}/replays", {"since": "2026-01-01T00:00:00Z"}).json["id"]
    return {"id": id_, "delivery": delivery, "replay": replay}


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_nobody_and_strangers_get_nowhere(
    nobody: Caller, bob: Caller, ids: dict[str, str], method: str, path: str, body: Any
) -> None:
    sent = {"json": body} if body is not None else {}
    assert nobody.request(method, path.format(**ids), **sent).status_code == 401
    assert bob.request(method, path.format(**ids), **sent).status_code == 404
    missing = path.format(id=NOWHERE, delivery=NOWHERE, replay=NOWHERE)
    assert bob.request(method, missing, **sent).status_code == 404


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_a_moderator_may_do_all_of_it(mia: Caller, ids: dict[str, str], method: str, path: str, body: Any) -> None:
    sent = {"json": body} if body is not None else {}
    done = mia.request(method, path.format(**ids), **sent)
    assert done.status_code < 300 or (done.status_code == 409 and "resend" in path)


def test_lists_hold_ones_own(alice: Caller, bob: Caller, mia: Caller, nobody: Caller, endpoint: Make) -> None:
    newest = [endpoint()["id"] for _ in range(3)][::-1]
    first = alice.get("/v1/endpoints?limit=2")
    assert [one["id"] for one in first.json["endpoints"]] == newest[:2]
    following = first.headers["Link"].partition(">")[0][1:]
    assert [one["id"] for one in alice.get(following).json["endpoints"]] == newest[2:]
    assert bob.get("/v1/endpoints").json == {"endpoints": []}
    assert bob.get("/v1/endpoints?owner=all").status_code == 403
    assert len(mia.get("/v1/endpoints?owner=all").json["endpoints"]) == 3
    assert nobody.get("/v1/endpoints").status_code == 401


def test_only_moderators_hear_every_owner(alice: Caller, mia: Caller, office: PostOffice) -> None:
    assert alice.post("/v1/endpoints", HOOK | {"every_owner": True}).status_code == 403
    mine = alice.post("/v1/endpoints", HOOK).json["id"]
    assert alice.patch(f"/v1/endpoints/{mine}", {"every_owner": True}).status_code == 403
    assert mia.post("/v1/endpoints", HOOK | {"every_owner": True}).status_code == 201
    assert len(office.rows(subscription)) == 2


def test_only_admins_say_what_else_an_endpoint_may_reach(alice: Caller, mia: Caller, ada: Caller) -> None:
    inside, allow = {"url": "https://10.20.0.7/hook"}, {"allow": ["10.20.0.0/16"]}
    for who in (alice, mia):
        refused = who.post("/v1/endpoints", HOOK | inside | allow)
        assert (refused.status_code, "`admin`" in refused.json["detail"]) == (403, True)
    path = alice.post("/v1/endpoints", HOOK).headers["Location"]
    assert alice.get(path).json["allow"] == []
    assert alice.patch(path, allow).status_code == 403
    assert ada.patch(path, inside).status_code == 422
    assert ada.patch(path, allow).json["allow"] == ["10.20.0.0/16"]
    assert alice.patch(path, inside | allow).status_code == 200, "as it is, she may say it"
    assert alice.patch(path, {"url": "https://10.21.0.7/"}).status_code == 422
    assert alice.patch(path, {"allow": []}).status_code == 403
    assert ada.patch(path, {"allow": []}).status_code == 200, "taken back, although it points there"
    assert alice.patch(path, inside).status_code == 422
    assert ada.post("/v1/endpoints", HOOK | inside | allow).status_code == 201


def test_metadata_stays_out_of_reach(ada: Caller) -> None:
    refused = ada.post("/v1/endpoints", HOOK | {"url": "https://169.254.169.254/", "allow": ["169.254.0.0/16"]})
    assert [one["pointer"] for one in refused.json["errors"]] == ["/url"]


def test_a_patch_changes_what_it_names_and_what_publishers_know(alice: Caller, office: PostOffice) -> None:
    path = alice.post("/v1/endpoints", HOOK).headers["Location"]
    changed = alice.patch(path, {"event_types": ["shop.*", "task.lost"]}, headers={"If-Match": '"v1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"v2"')
    assert (changed.json["url"], changed.json["timeout_s"]) == (HOOK["url"], 15)
    assert {row.type for row in office.rows(subscription)} == {"shop.*", "task.lost"}
    assert alice.patch(path, {"timeout_s": 3}, headers={"If-Match": '"v1"'}).status_code == 412
    for deed in ("pause", "resume"):
        assert alice.post(f"{path}/{deed}", headers={"If-Match": '"v1"'}).status_code == 412
    assert alice.post(f"{path}/pause", headers={"If-Match": '"v2"'}).json["paused_at"] is not None
    assert alice.delete(path, headers={"If-Match": '"v1"'}).status_code == 412


def test_a_removed_endpoint_is_gone_and_hears_nothing(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Callable[..., str]
) -> None:
    path = f"/v1/endpoints/{endpoint()['id']}"
    happen()
    office.fan_out()
    assert alice.delete(path).status_code == 204
    assert alice.get(path).status_code == 404
    assert office.rows(subscription) == []
    assert office.claim() == []


def test_a_paused_endpoint_keeps_its_deliveries(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Callable[..., str]
) -> None:
    path = f"/v1/endpoints/{endpoint()['id']}"
    happen()
    office.fan_out()
    assert alice.post(f"{path}/pause").json["paused_at"] is not None
    happen()
    office.fan_out()
    assert office.claim() == []
    assert alice.post(f"{path}/test").status_code == 409
    alice.post(f"{path}/resume")
    assert len(office.claim()) == 2


def test_a_rotated_secret_signs_along_for_the_overlap(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Callable[..., str], time: FrozenClock
) -> None:
    path = f"/v1/endpoints/{endpoint()['id']}"
    made = alice.post(f"{path}/secrets", {"overlap_s": 60}).json
    assert made["secret"].startswith("whsec_")
    assert len(alice.get(path).json["secrets"]) == 2
    happen()
    office.fan_out()
    [claimed] = office.claim()
    assert claimed.secrets[0].id == made["id"], "the newest first"
    assert len(claimed.secrets) == 2
    time.advance(61)
    assert [one["id"] for one in alice.get(path).json["secrets"]] == [made["id"]]
    assert alice.post(f"{path}/secrets", {"kind": "rsa"}).status_code == 422


def test_a_test_goes_the_way_of_any_delivery(alice: Caller, office: PostOffice, endpoint: Make) -> None:
    endpoint()
    id_ = endpoint(event_types=["shop.*"])["id"]
    made = alice.post(f"/v1/endpoints/{id_}/test")
    assert made.status_code == 202
    assert (made.json["event_type"], made.json["status"]) == ("endpoint.test", "waiting")
    assert office.fan_out() == 0, "it is for this endpoint only"
    [claimed] = office.claim()
    assert claimed.endpoint.id == id_
    office.settle(claimed, status=200)
    assert alice.get(made.headers["Location"]).json["status"] == "delivered"


def test_a_delivery_is_sent_again_once_it_has_ended(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Callable[..., str]
) -> None:
    endpoint(retry_delays_s=[0])
    event_id = happen()
    [first] = office.send(status=500)
    again = alice.post(f"/v1/deliveries/{first.id}/resend")
    assert (again.status_code, again.json["status"]) == (200, "waiting")
    assert alice.post(f"/v1/deliveries/{first.id}/resend").status_code == 409
    [second] = office.claim()
    assert (second.id, second.event["id"], second.tries) == (first.id, event_id, 2)
    office.settle(second, status=200)
    assert len(alice.get(f"/v1/deliveries/{first.id}").json["attempts"]) == 2


def test_deliveries_are_listed_with_filters(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Callable[..., str]
) -> None:
    path = f"/v1/endpoints/{endpoint()['id']}/deliveries"
    happen("shop.paid")
    office.send(status=200)
    happen("shop.sent")
    office.fan_out()
    assert [one["event_type"] for one in alice.get(path).json["deliveries"]] == ["shop.sent", "shop.paid"]
    assert [one["event_type"] for one in alice.get(f"{path}?status=delivered").json["deliveries"]] == ["shop.paid"]
    assert len(alice.get(f"{path}?event_type=shop.sent").json["deliveries"]) == 1
    page = alice.get(f"{path}?limit=1")
    following = alice.get(page.headers["Link"].partition(">")[0][1:])
    assert [one["event_type"] for one in following.json["deliveries"]] == ["shop.paid"]
    assert alice.get(f"{path}?status=lost").status_code == 422
