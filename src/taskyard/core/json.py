"""Reading JSON strictly: what cannot be kept exactly as it was sent is refused, never changed."""

import json
from typing import Any

import orjson

from taskyard.core.errors import Fault, Invalid

_DIGITS = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else ord("x") for byte in range(256))
_LONG = b"0" * 19  # digits: an integer of so many may be beyond 64 bits
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
MAX_DEPTH = 200  # orjson writes no more than 254 levels, and answers wrap a few around what was sent


def loads(raw: bytes, *, line: int = 1) -> Any:
    """The value of a JSON text (RFC 8259) that begins in this line of what was sent.

    Raises:
        Invalid: not JSON, or JSON with a duplicate key, a NUL, a lone surrogate, an integer beyond 64 bits, a number
            too large for a double, or nesting deeper than 200.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        at = f"line {line + error.lineno - 1} column {error.colno}"
        raise Invalid([Fault(f"The body is not valid JSON: {error.msg}: {at}.", pointer="")]) from error
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise Invalid([Fault(f"The body is nested deeper than {MAX_DEPTH} levels.", pointer="")])
    if b"\\u0000" in raw:
        _refuse_nul(value, "")
    if long_number(raw) or orjson.dumps(value) != raw:  # the same text again: nothing is lost
        _refuse_lossy(raw)
    return value


def long_number(raw: bytes) -> bool:
    """Whether there may be an integer beyond 64 bits, which orjson would pass over."""
    return _LONG in raw.translate(_DIGITS)  # a tenth of what a regular expression takes


def storable(value: Any) -> bytes:
    """A value that was made here as JSON, if it could also have been sent.

    Raises:
        Invalid: what `loads` would refuse in it.
    """
    try:
        raw = orjson.dumps(value)
    except TypeError as error:  # orjson's words are for programmers
        detail = "Holds an integer beyond 64 bits, a lone surrogate, or very deep nesting, which JSON cannot hold."
        raise Invalid([Fault(detail, pointer="")]) from error
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise Invalid([Fault(f"Is nested deeper than {MAX_DEPTH} levels.", pointer="")])
    if b"\\u0000" in raw:
        _refuse_nul(value, "")
    return raw


def depth(value: Any) -> int:
    """Levels of arrays and objects; a loop, as the value may be deeper than Python's stack."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, list | dict)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth


def _refuse_lossy(raw: bytes) -> None:
    """A second, exact reading for what orjson does in silence."""

    def whole(pairs: list[tuple[str, Any]]) -> None:
        if len({key for key, _ in pairs}) != len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise Invalid([Fault(f"The key {twice[:50]!r} stands twice in one object; leave one.", pointer="")])

    def number(text: str) -> int:
        # Checked by length first: int() of a very long text is slow, and refused by Python beyond 4,300 digits.
        if len(text) > 20 or not INT_MIN <= int(text) <= INT_MAX:
            raise Invalid([Fault("An integer is beyond 64 bits; send it as a string.", pointer="")])
        return 0

    parse_int = number if long_number(raw) else None
    json.loads(raw, object_pairs_hook=whole, parse_int=parse_int)


def _refuse_nul(value: Any, pointer: str) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Invalid([Fault("A string holds a NUL character (\\u0000), which cannot be stored.", pointer=pointer)])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_nul(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_nul(key, pointer)
            _refuse_nul(item, f"{pointer}/{escape(key)}")


def escape(token: str) -> str:
    """One reference token of a JSON pointer (RFC 6901, section 3)."""
    return token.replace("~", "~0").replace("/", "~1")
