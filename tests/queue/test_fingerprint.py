"""What is the same error, and what is another."""

import json
from typing import Any

import pytest

from taskyard.queue.fingerprint import LENGTH, fingerprint, normalised

ALIKE = [
    ("no answer after 30 s", "no answer after 1.5 s"),
    ("10.0.0.7:5432 refused", "10.0.0.12:5433 refused"),
    ("task 019a8d4f-5b20-7c43-a1f6-0d9c8e7b6a54 is gone", "task 019A8D4F-5B20-7C43-A1F6-000000000000 is gone"),
    ("at 0x7f3a91bc", "at 0xdeadbeef"),
    ("no order 01HZX3KQ5TB8V9WM2N4P6R7S8T", "no order 01J0A1B2C3D4E5F6G7H8J9KMNP"),
    ("no charge ch_3MtwBwLkdIwHu7ix28a3tqPa", "no charge ch_4NuxCxMleJxIv8jy39b4urQb"),
    ("no such user: ann.lee+x@example.com", "no such user: bob@mail.example.org"),
    ("commit 9f8e7d6c5b4a is broken", "commit 0123456789ab is broken"),
    ("no column 'width'", "no column 'height of 7'"),
    ('KeyError: "a"', 'KeyError: "bc d"'),
    ("/tmp/run-17/in.png: no such file", "/tmp/run-4711/in.png: no such file"),
    ("line 1\n  line 2", "line 3 line 4"),
]
DIFFERENT = [
    ("no answer", "no memory"),
    ("/tmp/in.png: no such file", "/tmp/in.gif: no such file"),
    ("we don't, and they don't", "we don't, but they don't"),
    ("", "x"),
    ("the configuration of internationalization", "the configuration of counterrevolutionaries"),
]


def of(message: Any, kind: str = "E", command: str = "resize") -> str:
    return fingerprint(command, json.dumps({"type": kind, "message": message}))


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_varies_makes_no_difference(one: str, other: str) -> None:
    assert of(one) == of(other)
    assert len(of(one)) == LENGTH


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_sentence_is_another_error(one: str, other: str) -> None:
    assert of(one) != of(other)


def test_command_and_type_count() -> None:
    assert len({of("m"), of("m", kind="F"), of("m", command="mail")}) == 3


@pytest.mark.parametrize(
    "error", [None, '"boom"', "7", "[1]", "{}", '{"code":1}', '{"type":{"a":1}}', '{"message":[]}']
)
def test_an_error_of_any_form_has_one(error: str | None) -> None:
    assert len(fingerprint("c", error)) == LENGTH


def test_what_is_left_of_a_message() -> None:
    assert normalised("user 'Ann' of 10.0.0.1 at 0xff:\n  3 of 4") == "user <text> of <n> at <hex>: <n> of <n>"


def test_a_long_message_takes_no_long_time() -> None:
    for piece in ("'", '"', "a", "0", "ab12-", "0x", " ", "a.", "a@", "a@b.", "a1_"):
        assert of(piece * 1_000_000)
