"""The Prefer header, as RFC 7240 has it."""

import pytest

from taskyard.web.preferences import Preferences, parse


@pytest.mark.parametrize(
    ("given", "wait_s", "minimal"),
    [
        ("wait=10", 10, False),
        ("wait=10, return=minimal", 10, True),
        ("return=minimal,wait=10", 10, True),
        ("Wait=10; x=1, RETURN=Minimal", 10, True),  # names ignore case; parameters of ours there are none
        ('wait="10"', 10, False),
        ("wait = 10", 10, False),
        ('x="a, wait=3", wait=5', 5, False),  # within quotes a comma ends nothing
        ('x="wait=3', 0, False),
        ('wait=3, x="a, wait=5', 3, False),
        (r'x="a\", wait=3", wait=5', 5, False),
        ('"wait=3"', 0, False),  # quoted as a whole it is no name
        ('"wait=9", wait=1', 1, False),
        ('wait=3, x="' + 4000 * '\\"', 3, False),
        ("wait=3, wait=9", 3, False),  # the first counts
        ("wait=21", 20, False),  # as long as we wait at most
        (f"wait={'9' * 5000}", 20, False),
        ("wait=0000000000003", 3, False),
        ("wait=0", 0, False),
        ("wait", 0, False),
        ("wait=-1", 0, False),
        ("wait=1.5", 0, False),
        ("wait=soon", 0, False),
        ("wait=١", 0, False),  # a digit, but not of ASCII
        ("return=representation", 0, False),
        ("respond-async, handling=lenient", 0, False),
        ("", 0, False),
        (",;=,", 0, False),
    ],
)
def test_what_a_caller_prefers(given: str, wait_s: int, minimal: bool) -> None:
    assert parse(given) == Preferences(wait_s, minimal)
