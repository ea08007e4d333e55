"""GET and DELETE of commands, and the versions of their schemas."""

from typing import Any

import pytest

from support.caller import Caller
from support.commands import URL, WIDTH


def test_commands_come_by_name_in_pages(mia: Caller, alice: Caller) -> None:
    for name in ("delta", "alpha", "charlie", "bravo", "al"):
        mia.put(f"/v1/commands/{name}", {})
    seen: list[str] = []
    path: str | None = "/v1/commands?limit=2"
    while path:
        page = alice.get(path)
        seen += [command["name"] for command in page.json["commands"]]
        path = page.headers["Link"].partition(">")[0][1:] if "Link" in page.headers else None
    assert seen == ["al", "alpha", "bravo", "charlie", "delta"]
    found = alice.get("/v1/commands?q=AL").json["commands"]
    assert [command["name"] for command in found] == ["al", "alpha"]


@pytest.mark.parametrize("query", ["limit=0", "cursor=forged", "surprise=1", "q=%00"])
def test_a_bad_query_is_told(alice: Caller, query: str) -> None:
    assert alice.get(f"/v1/commands?{query}").status_code == 422


@pytest.mark.parametrize("path", ["", "/resize", "/resize/schemas", "/resize/schemas/1"])
def test_everybody_reads_but_nobody_does_not(nobody: Caller, alice: Caller, resize: dict[str, Any], path: str) -> None:
    assert nobody.get(f"/v1/commands{path}").status_code == 401
    assert alice.get(f"/v1/commands{path}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/nope", "/nope/schemas", "/nope/schemas/1", "/resize/schemas/2", "/resize/schemas/99999999999", "/a%00"]
)
def test_what_is_not_there_is_not_found(alice: Caller, resize: dict[str, Any], path: str) -> None:
    assert alice.get(f"/v1/commands{path}").status_code == 404


def test_a_known_version_is_not_sent_again(alice: Caller, resize: dict[str, Any]) -> None:
    assert alice.get("/v1/commands/resize", headers={"If-None-Match": '"v1"'}).status_code == 304


def test_a_new_schema_makes_a_new_version_and_the_same_one_does_not(mia: Caller, resize: dict[str, Any]) -> None:
    turned = {"required": ["width"], "properties": WIDTH["properties"], "type": "object"}
    same = mia.put("/v1/commands/resize", {"payload_schema": turned, "result_schema": URL, "description": "other"})
    assert same.json["schema_version"] == 1
    assert mia.put("/v1/commands/resize", {"payload_schema": WIDTH}).json["schema_version"] == 2
    back = mia.put("/v1/commands/resize", {"payload_schema": WIDTH, "result_schema": URL})
    assert back.json["schema_version"] == 3
    versions = mia.get("/v1/commands/resize/schemas").json["schemas"]
    assert [(one["version"], one["result_schema"]) for one in versions] == [(3, URL), (2, None), (1, URL)]
    assert mia.get("/v1/commands/resize/schemas/2").json == versions[1]


def test_versions_come_in_pages(mia: Caller) -> None:
    for number in range(5):
        mia.put("/v1/commands/resize", {"payload_schema": {"const": number}})
    first = mia.get("/v1/commands/resize/schemas?limit=3")
    second = mia.get(first.headers["Link"].partition(">")[0][1:])
    numbers = [one["version"] for page in (first, second) for one in page.json["schemas"]]
    assert numbers == [5, 4, 3, 2, 1]
    assert "Link" not in second.headers


def test_versions_go_on_after_a_removal(mia: Caller, resize: dict[str, Any]) -> None:
    assert mia.delete("/v1/commands/resize").status_code == 204
    assert mia.get("/v1/commands/resize").status_code == 404
    assert mia.get("/v1/commands/resize/schemas/1").json["payload_schema"] == WIDTH
    again = mia.put("/v1/commands/resize", {"payload_schema": True})
    assert (again.status_code, again.json["schema_version"]) == (201, 2)


def test_registering_again_what_was_removed_finds_its_version(mia: Caller, resize: dict[str, Any]) -> None:
    mia.delete("/v1/commands/resize")
    again = mia.put("/v1/commands/resize", {"payload_schema": WIDTH, "result_schema": URL})
    assert (again.status_code, again.json["schema_version"]) == (201, 1)


def test_who_may_remove_and_when(nobody: Caller, alice: Caller, mia: Caller, resize: dict[str, Any]) -> None:
    assert nobody.delete("/v1/commands/resize").status_code == 401
    assert alice.delete("/v1/commands/resize").status_code == 403
    assert mia.delete("/v1/commands/nope").status_code == 404
    assert mia.delete("/v1/commands/resize", headers={"If-Match": '"v7"'}).status_code == 412
    assert mia.delete("/v1/commands/resize", headers={"If-Match": '"v1"'}).status_code == 204
    assert mia.delete("/v1/commands/resize").status_code == 404
