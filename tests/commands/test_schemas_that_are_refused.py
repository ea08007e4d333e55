"""What is no schema, leads outside, or could hang, is refused; and nothing is ever fetched."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from support.caller import Caller
from taskyard.commands import dialect
from taskyard.commands.validation import Check


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def fanning_out(levels: int) -> dict[str, Any]:
    """Each level refers to the next twice: 2^levels ways to the last."""
    steps = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(levels)}
    return {"$defs": {**steps, f"a{levels}": {"type": "integer"}}, "$ref": "#/$defs/a0"}


def chained(length: int) -> dict[str, Any]:
    steps = {f"a{i}": {"$ref": f"#/$defs/a{i + 1}"} for i in range(length)}
    return {"$defs": {**steps, f"a{length}": True}, "$ref": "#/$defs/a0"}


REFUSED: dict[str, tuple[Any, str, str]] = {
    "text": ("foo", "", "is an object"),
    "a number": (3, "", "is an object"),
    "a list": ([], "", "is an object"),
    "an unknown type": ({"type": "strin"}, "/type", "no JSON Schema"),
    "a negative length": ({"maxLength": -1}, "/maxLength", "no JSON Schema"),
    "properties that are a list": ({"properties": []}, "/properties", "no JSON Schema"),
    "a fault deep inside": ({"$defs": {"a/b": {"items": {"minimum": "1"}}}}, "/$defs/a~1b/items/minimum", "no JSON"),
    "another dialect": ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "2020-12"),
    "look-around": ({"properties": {"a": {"pattern": "(?=a)b"}}}, "/properties/a/pattern", "linear time"),
    "a back reference": ({"pattern": r"(a)\1"}, "/pattern", "linear time"),
    "a broken pattern": ({"pattern": "("}, "/pattern", "not valid"),
    "a huge pattern": ({"patternProperties": {"(a{999}){999}": {}}}, "/patternProperties/(a{999}){999}", "1 MiB"),
    "too many patterns": ({"allOf": [{"pattern": f"a{i}"} for i in range(201)]}, "/allOf/200/pattern", "200 patterns"),
    "a remote reference": ({"items": {"$ref": "http://127.0.0.1:1/a.json"}}, "/items/$ref", "never fetched"),
    "a remote reference unused": ({"$defs": {"a": {"$ref": "https://example.com/"}}}, "/$defs/a/$ref", "never fetched"),
    "a file": ({"$ref": "file:///etc/passwd"}, "/$ref", "never fetched"),
    "a relative document": ({"$id": "https://example.com/a", "$ref": "b"}, "/$ref", "never fetched"),
    "a remote dynamic one": ({"$dynamicRef": "https://example.com/#a"}, "/$dynamicRef", "never fetched"),
    "nothing there": ({"$ref": "#/$defs/a"}, "/$ref", "nothing in this schema"),
    "no such anchor": ({"$ref": "#a"}, "/$ref", "nothing in this schema"),
    "one name twice": ({"allOf": [{"$anchor": "a"}, {"$anchor": "a"}]}, "/allOf/1/$anchor", "twice"),
    "nesting": (nested(65), "", "64 levels"),
    "size": ({"enum": ["x" * 66_000]}, "", "64 KiB"),
    "a circle": ({"$ref": "#"}, "", "without going deeper"),
    "a circle of two": (
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        "/$defs/a",
        "without going deeper",
    ),
    "a circle by not": ({"not": {"$ref": "#"}}, "", "without going deeper"),
    "a dynamic circle": ({"$dynamicAnchor": "x", "allOf": [{"$dynamicRef": "#x"}]}, "", "without going deeper"),
    "a fan of references": (fanning_out(30), "/$defs/a19", "More than 5,000"),
    "a long chain": (chained(200), "/$defs/a63", "More than 64"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_where_the_fault_stands(case: str) -> None:
    schema, pointer, says = REFUSED[case]
    with pytest.raises(dialect.Unacceptable) as refused:
        dialect.check(schema, "/payload_schema")
    [fault] = refused.value.faults
    assert fault.pointer == f"/payload_schema{pointer}"
    assert says in fault.detail


def test_a_refusal_is_a_422_and_nothing_is_stored(mia: Caller) -> None:
    for schema, pointer, _ in REFUSED.values():
        for which in ("payload_schema", "result_schema"):
            put = mia.put("/v1/commands/resize", {which: schema})
            assert put.status_code == 422
            assert [fault["pointer"] for fault in put.json["errors"]] == [f"/{which}{pointer}"]
    assert mia.get("/v1/commands").json == {"commands": []}


def test_of_many_faults_fifty_are_told(mia: Caller) -> None:
    put = mia.put("/v1/commands/resize", {"payload_schema": {"properties": {f"a{i}": 1 for i in range(2000)}}})
    assert len(put.json["errors"]) == 50


ACCEPTED: dict[str, Any] = {
    "true": True,
    "false": False,
    "the empty one": {},
    "a tree": {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
    "a named dialect": {"$schema": "https://json-schema.org/draft/2020-12/schema"},
    "an id of its own": {"$id": "https://example.com/a", "$defs": {"b": {}}, "$ref": "#/$defs/b"},
    "a document within": {"$id": "https://example.com/a", "$defs": {"b": {"$id": "b.json"}}, "$ref": "b.json"},
    "an urn": {"$id": "urn:a:b", "$defs": {"b": {}}, "$ref": "#/$defs/b"},
    "an anchor": {"$defs": {"b": {"$anchor": "c"}}, "$ref": "#c"},
    "a list of dynamic ones": {"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}},
    "what only looks like a reference": {"enum": [{"$ref": "http://127.0.0.1:1/"}], "default": {"$ref": "file:///"}},
    "huge limits": {"maxLength": 10**18, "multipleOf": 1e-300, "maxContains": 1e300},
    "what was dangerous elsewhere": {"pattern": "^(a+)+$"},
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_it_is_accepted(case: str) -> None:
    assert isinstance(dialect.check(ACCEPTED[case], ""), Check)


def test_what_is_accepted_is_shown_as_it_was_sent(mia: Caller) -> None:
    for schema in ACCEPTED.values():
        put = mia.put("/v1/commands/resize", {"payload_schema": schema})
        assert put.status_code < 300
        assert put.json["payload_schema"] == schema


class Listener:
    """Listens on a port of its own and counts who connects."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            said = connection.recv(100)
            connection.close()
            if said == b"that was all":
                return
            self.calls += 1

    def stop(self) -> int:
        """Ends it; returns how many had called before."""
        with socket.create_connection(self._socket.getsockname()) as connection:
            connection.sendall(b"that was all")
        self._thread.join()
        self._socket.close()
        return self.calls


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    if found._thread.is_alive():
        found.stop()


def test_nothing_is_fetched(mia: Caller, alice: Caller, listener: Listener) -> None:
    url = listener.url
    for schema in (
        {"$ref": url},
        {"$ref": f"{url}/a.json#/$defs/x"},
        {"$schema": url},
        {"$dynamicRef": f"{url}/#x"},
        {"$id": f"{url}/root", "$ref": "other"},
        {"$id": f"{url}/root", "$defs": {"a": {"$id": "inner", "$ref": "further"}}},
        {"$defs": {"a": {"$schema": url, "$id": "urn:a"}}, "$ref": "urn:a"},
        {"$vocabulary": {url: True}},
        {"$id": f"{url}/root", "$ref": "#"},
    ):
        mia.put("/v1/commands/resize", {"payload_schema": schema, "result_schema": schema})
        mia.post("/v1/commands/resize/check", {"payload_schema": schema})
        alice.post("/v1/tasks", {"command": "resize", "payload": {"$ref": url, "$schema": url}})
    assert listener.stop() == 0
