"""Reading JSON strictly: what is read is what was sent, and all else is refused."""

import json as standard
from typing import Any

import pytest

from taskyard.core import json
from taskyard.core.errors import Invalid

KEPT: list[Any] = [
    None,
    0,
    -0.0,
    2**63 - 1,
    -(2**63),
    1234567890123456789,
    0.1,
    1.7976931348623157e308,
    5e-324,
    "",
    "é 🦊 \u2028 \x7f",
    'quotes " and \\u0000 with its backslash written out',
    "9" * 30,
    {"9" * 30: ["0" * 5000]},
    {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]},
]


@pytest.mark.parametrize("value", KEPT)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_can_be_kept_is_read_as_it_was_sent(value: Any, ascii_only: bool) -> None:
    assert json.loads(standard.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize("depth", [1, 199, 200])
def test_200_levels_are_read(depth: int) -> None:
    for raw in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        assert json.loads(raw) == standard.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"nul",
        b"NaN",
        b"-Infinity",
        b"01",
        b"1.",
        b"+1",
        b"[1,]",
        b'{"a":1,}',
        b"{'a':1}",
        b"{a:1}",
        b'"\n"',
        b'"\\x"',
        b'"\\ud800"',
        b'"\\udfff\\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1",
        b"1 2",
        b"1e999",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"[9999999999999999999]",
        b"1" * 10_000,
        b'{"a":1,"a":1}',
        b'[[{"a":{"b":1,"b":2}}]]',
        b'{"\\u0061":1,"a":1}',
        b'"\\u0000"',
        b'{"a\\u0000":1}',
        b"[" * 201 + b"]" * 201,
        b'{"a":' * 201 + b"1" + b"}" * 201,
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_cannot_be_kept_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        json.loads(raw)
    [fault] = refusal.value.faults
    assert fault.pointer is not None
    assert len(fault.detail) < 300


def test_brackets_in_a_text_are_no_levels() -> None:
    assert json.loads(b'"' + b"[" * 1000 + b'"') == "[" * 1000
    assert json.loads(b"[" + b"[]," * 999 + b"[]]") == [[]] * 1000


def test_a_pointer_is_escaped() -> None:
    assert json.escape("a/b~c") == "a~1b~0c"
