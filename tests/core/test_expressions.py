"""JMESPath expressions of users: what is refused when they are saved, and that none runs for long."""

import time
from typing import Any

import pytest

from taskyard.core.expressions import BUDGET, MOST_CHARS, Failed, Faulty, Purse, compiled


@pytest.mark.parametrize(
    ("text", "value", "result"),
    [
        ("a.b", {"a": {"b": 1}}, 1),
        ("headers.\"x-github-event\" == 'push'", {"headers": {"x-github-event": "push"}}, True),
        ("{n: length(list), first: list[0]}", {"list": [3, 4]}, {"n": 2, "first": 3}),
        ("list[?n > `1`].n", {"list": [{"n": 1}, {"n": 2}]}, [2]),
        ("sort_by(list, &n)[-1].n", {"list": [{"n": 2}, {"n": 1}]}, 2),
        ("join('-', list)", {"list": ["a", "b"]}, "a-b"),
        ("list[].x", {"list": [[{"x": 1}], [{"x": 2}]]}, [1, 2]),
        ("*.n", {"a": {"n": 1}, "b": {"n": 2}}, [1, 2]),
        ("nothing.here", {}, None),
    ],
)
def test_an_expression_does_what_jmespath_says(text: str, value: Any, result: Any) -> None:
    assert compiled(text).search(value) == result


@pytest.mark.parametrize("result", [None, False, "", [], {}])
def test_what_is_empty_does_not_hold(result: Any) -> None:
    assert not compiled("@").holds(result)


@pytest.mark.parametrize("result", [True, 0, "x", [None]])
def test_all_else_holds(result: Any) -> None:
    assert compiled("@").holds(result)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a[",
        "nope(a)",
        "[@ | nope(a)]",
        "(" * 900 + "a" + ")" * 900,
        "!" * 500 + "a",
        "`[1",
        "a && " * 300 + "b",
        "a" * (MOST_CHARS + 1),
        "@" + " | @" * 400,
        "'\0",
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(Faulty, match=r"\w"):
        compiled(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[@, @]" + " | [@, @]" * 60, {}),
        ("[@, @][]" + " | [@, @][]" * 60, [1]),
        ("{a: @, b: @}" + " | {a: @, b: @}" * 60, "x"),
        ("to_string([@, @]" + " | [@, @]" * 60 + ")", {}),
        ("join(a, b)", {"a": "x" * 100_000, "b": ["y"] * 100_000}),
        (
            "map(&map(&map(&map(&@, $), $), $), $)".replace(
                "$", "`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]`"
            ),
            {},
        ),
        ("list[?contains(text, 'zz')]", {"list": [{"text": "x" * 10_000}] * 1_000}),
        ("list[*].[@, @, @, @][] | [*].[@, @, @, @][]", {"list": list(range(200_000))}),
        ("[" + ", ".join(["@[*]"] * 300) + "]", list(range(100_000))),
    ],
)
def test_what_doubles_or_multiplies_is_ended(text: str, value: Any) -> None:
    expression = compiled(text)
    began = time.process_time()
    with pytest.raises(Failed, match="too long"):
        expression.search(value)
    assert time.process_time() - began < 2, f"{BUDGET} units"


@pytest.mark.parametrize("text", ["length(`1`)", 'sort(`[1, "a"]`)', "a[::0]", "max_by(a, &b)", "abs('x')"])
def test_what_does_not_suit_the_value_fails_with_a_reason(text: str) -> None:
    with pytest.raises(Failed, match=r"\w"):
        compiled(text).search({"a": [{"b": {}}, {"b": 1}]})


def test_expressions_that_share_a_purse_end_together() -> None:
    purse, expression = Purse(), compiled("list[*].a")
    value = {"list": [{"a": 1}] * 10_000}

    def run_on() -> None:
        for _ in range(20):
            expression.search(value, purse)

    with pytest.raises(Failed, match="too long"):
        run_on()
