"""A registered schema as a component of the API's description, where its references have to lead elsewhere."""

import re
from hashlib import sha256
from typing import Any

from taskyard.commands import keywords
from taskyard.commands.references import References

NAMING = frozenset({"$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"})
OPENAPIS_OWN = frozenset({"discriminator", "xml", "externalDocs"})  # mean something else there, if anything here
_NOT_LEGAL = re.compile(r"[^A-Za-z0-9._-]+")


def legal_name(wanted: str, taken: set[str]) -> str:
    """A name that OpenAPI allows for a component and that no other has; it is added to those taken."""
    name = _NOT_LEGAL.sub("_", wanted)
    if name != wanted or name in taken:
        name = f"{name}-{sha256(wanted.encode()).hexdigest()[:8]}"
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def component(schema: dict[str, Any] | bool, name: str) -> dict[str, Any] | None:
    """The schema as it stands under components/schemas by this name; None where its references cannot be moved."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    references = References(schema, "")
    moved: list[dict[str, Any]] = []
    if references.faults or not all(_can_move(one, is_root=one is schema) for one in references.schemas):
        return None
    result: dict[str, Any] = _moved(schema, f"#/components/schemas/{name}", moved)
    if len(moved) != len(references.schemas):
        return None  # some reference leads to a place that no keyword makes a schema
    result.pop("$id", None)
    return result


def _can_move(schema: dict[str, Any], *, is_root: bool) -> bool:
    names = NAMING & schema.keys() - ({"$id"} if is_root else set())
    reference = schema.get("$ref", "#")
    return not names and (reference == "#" or reference.startswith("#/"))


def _moved(schema: Any, root: str, moved: list[dict[str, Any]]) -> Any:
    """A copy with its references led to the new root; `moved` gets every schema that was copied."""
    if not isinstance(schema, dict):
        return schema
    moved.append(schema)
    copy = {keyword: value for keyword, value in schema.items() if keyword not in OPENAPIS_OWN | {"$schema"}}
    if "$ref" in copy:
        copy["$ref"] = root + copy["$ref"][1:]
    for keyword in keywords.ALL & copy.keys():
        value = copy[keyword]
        if keyword in keywords.LISTS:
            copy[keyword] = [_moved(one, root, moved) for one in value]
        elif keyword in keywords.MAPS:
            copy[keyword] = {name: _moved(one, root, moved) for name, one in value.items()}
        else:
            copy[keyword] = _moved(value, root, moved)
    return copy
