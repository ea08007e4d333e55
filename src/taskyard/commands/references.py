"""Where the references of a schema lead: only to places within it, never to another document."""

from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from taskyard.commands import keywords
from taskyard.core import json
from taskyard.core.errors import Fault

DIALECTS = frozenset({"https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#"})
BASE = ""  # of what has no `$id`
ELSEWHERE = "Refers to another document, which is never fetched. Put it under $defs and refer to #/$defs/<name>."
TWICE = "This name is given twice in the schema."
NOWHERE = "There is nothing in this schema that it refers to."


class References:
    """The schemas within a schema, and what their `$ref` and `$dynamicRef` mean."""

    def __init__(self, root: dict[str, Any], at: str) -> None:
        """`at` is the JSON pointer of the schema in the request."""
        self.faults: list[Fault] = []
        self.pointers: dict[int, str] = {}  # by the identity of each schema
        self.schemas: list[dict[str, Any]] = []
        self._bases: dict[int, str] = {}
        self._resources: dict[str, dict[str, Any]] = {}
        self._anchors: dict[tuple[str, str], dict[str, Any]] = {}
        self._dynamic: dict[str, list[dict[str, Any]]] = {}
        self._resources[BASE] = root
        self._enter(root, BASE, at)
        for schema in self.schemas:  # grows while it is read: a reference may lead to what no keyword holds
            self.targets(schema, report=True)

    def _enter(self, root: Any, base: str, at: str) -> None:
        waiting = [(root, base, at)]
        while waiting:
            schema, base, at = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in self.pointers:
                continue
            base = self._name(schema, base, at)
            self.pointers[id(schema)], self._bases[id(schema)] = at, base
            self.schemas.append(schema)
            for path, inner in reversed(list(keywords.all_within(schema))):  # so that they come in their order
                waiting.append((inner, base, at + "".join(f"/{json.escape(token)}" for token in path)))

    def _name(self, schema: dict[str, Any], base: str, at: str) -> str:
        """Note the names this schema goes by; returns the base of the references in it."""
        if schema.get("$schema", "") not in DIALECTS | {""}:
            self.faults.append(Fault("Only JSON Schema 2020-12 is understood here.", pointer=f"{at}/$schema"))
        if isinstance(schema.get("$id"), str):
            base = urldefrag(_joined(base, schema["$id"])).url
            if self._resources.setdefault(base, schema) is not schema:
                self.faults.append(Fault(TWICE, pointer=f"{at}/$id"))
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = (base, str(schema.get(keyword)))
            if keyword in schema and self._anchors.setdefault(name, schema) is not schema:
                self.faults.append(Fault(TWICE, pointer=f"{at}/{keyword}"))
        if isinstance(schema.get("$dynamicAnchor"), str):
            self._dynamic.setdefault(schema["$dynamicAnchor"], []).append(schema)
        return base

    def targets(self, schema: dict[str, Any], *, report: bool = False) -> list[dict[str, Any]]:
        """The schemas that this one refers to; for `$dynamicRef` all that it may come to mean."""
        found: list[dict[str, Any]] = []
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(schema.get(keyword), str):
                target = self._resolve(schema[keyword], self._bases[id(schema)])
                if isinstance(target, str) and report:
                    self.faults.append(Fault(target, pointer=f"{self.pointers[id(schema)]}/{keyword}"))
                found += [target] if isinstance(target, dict) else []
        name = str(schema.get("$dynamicRef", "")).rpartition("#")[2]
        return found + [one for one in self._dynamic.get(name, ()) if one not in found]

    def _resolve(self, reference: str, base: str) -> dict[str, Any] | bool | str:
        """What a reference leads to, or a sentence on why it leads nowhere."""
        url, fragment = urldefrag(_joined(base, reference))
        resource = self._resources.get(url)
        if resource is None:
            return ELSEWHERE
        if not fragment:
            return resource
        if not fragment.startswith("/"):
            return self._anchors.get((url, fragment), NOWHERE)
        target = _follow(resource, fragment)
        if not isinstance(target, dict | bool):
            return NOWHERE
        self._enter(target, url, self.pointers[id(resource)] + unquote(fragment))
        return target


def _joined(base: str, reference: str) -> str:
    """urljoin forgets the base where its scheme is one (urn:) that it does not know to be hierarchical."""
    return urldefrag(base).url + reference if reference.startswith("#") else urljoin(base, reference)


def _follow(value: Any, pointer: str) -> Any:
    for token in unquote(pointer).split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and token.isascii() and token.isdigit() and len(token) < 6:
            value = value[int(token)] if int(token) < len(value) else None
        else:
            return None
    return value
