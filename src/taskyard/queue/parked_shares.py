"""Fair shares among what is parked under one limit key: the order in which it comes back.

A pass is a place in the whole line, and what is parked may lag far behind that: whoever comes to wait under the same
limit key would do so after all that others have parked. So a fairness key goes on from its own last task there, and one
that has none begins where the oldest of all stands: not where the first does, or some who come back one by one would
be before one that has much for ever. None is put later than its place in the whole line.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, text

from taskyard.core.db import AnyRow
from taskyard.core.lists import postgresql_array
from taskyard.queue import shares

_SQLITE = """
    SELECT json_extract(value, '$[0]') AS limit_key, json_extract(value, '$[1]') AS fairness_key FROM json_each(:wanted)
"""
_POSTGRESQL = """
    SELECT * FROM unnest(CAST(:limit_keys AS text[]), CAST(:fairness_keys AS text[])) AS one (limit_key, fairness_key)
"""
_KNOWN = """
    WITH wanted AS ({wanted})
    SELECT wanted.limit_key, wanted.fairness_key,
        (SELECT parked.pass FROM parked WHERE {here} ORDER BY seq LIMIT 1) AS head,
        (SELECT parked.pass FROM parked WHERE {here} AND {theirs} ORDER BY pass, seq LIMIT 1) AS first,
        (SELECT parked.seq FROM parked WHERE {here} AND {theirs} ORDER BY pass, seq LIMIT 1) AS since,
        (SELECT max(parked.pass) FROM parked WHERE {here} AND {theirs}) AS last
    FROM wanted
"""
_HERE = "parked.queue = :queue AND parked.limit_key = wanted.limit_key AND parked.lane = :lane"
_OF_ONE, _OF_NONE = "parked.fairness_key = wanted.fairness_key", "parked.fairness_key IS NULL"
_QUERIES = {
    (dialect, theirs): text(_KNOWN.format(wanted=wanted, here=_HERE, theirs=theirs))  # constants
    for dialect, wanted in (("sqlite", _SQLITE), ("postgresql", _POSTGRESQL))
    for theirs in (_OF_ONE, _OF_NONE)
}

_Keys = tuple[str, str | None]  # the limit key and the fairness key


@dataclass(slots=True)
class _Own:
    """What a fairness key has parked under a limit key: its first task, with its place in time, and its last."""

    head: int | None  # where the oldest stands of all that are parked there
    first: int | None
    since: int | None
    last: int | None

    def place(self, row: AnyRow, stride: int) -> int:
        """The pass of another that is parked."""
        known: int = row._mapping["pass"]
        if self.first is not None and self.since is not None and row.seq < self.since:
            return min(known, self.first)  # it came back, and found the key full again
        own = self.last + stride if self.last is not None else self.head
        self.last = known if own is None else min(known, own)
        return self.last


def passes(connection: Connection, rows: list[AnyRow], weights: Mapping[str, int]) -> list[int]:
    """Where these rows of `ready`, of one line and in its order, stand once they are parked."""
    if not any(row._mapping["pass"] for row in rows):
        return [0] * len(rows)
    known = _known(connection, rows)
    return [
        known[row.limit_key, row.fairness_key].place(row, shares.stride(weights, row.fairness_key or ""))
        for row in rows
    ]


def _known(connection: Connection, rows: list[AnyRow]) -> dict[_Keys, _Own]:
    pairs: dict[_Keys, None] = dict.fromkeys((row.limit_key, row.fairness_key) for row in rows)
    found: dict[_Keys, _Own] = {}
    for theirs in (_OF_ONE, _OF_NONE):
        asked = [pair for pair in pairs if (pair[1] is None) == (theirs == _OF_NONE)]
        if asked:
            query = _QUERIES[connection.dialect.name, theirs]
            values = {"queue": rows[0].queue, "lane": rows[0].lane, **_wanted(connection, asked)}
            for limit_key, fairness_key, *own in connection.execute(query, values):
                found[limit_key, fairness_key] = _Own(*own)
    return found


def _wanted(connection: Connection, pairs: list[_Keys]) -> dict[str, object]:
    if connection.dialect.name == "sqlite":
        return {"wanted": orjson.dumps(pairs).decode()}
    limit_keys, fairness_keys = zip(*pairs, strict=True)
    return {"limit_keys": postgresql_array(limit_keys), "fairness_keys": postgresql_array(fairness_keys)}
