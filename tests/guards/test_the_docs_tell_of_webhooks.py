"""docs/webhooks-in.md tells of every preset, knob, reason and finding, and of none that is not there."""

import re
from dataclasses import fields

from support.source import DOCS
from taskyard.inbox.finding import CODES
from taskyard.inbox.presets import PRESETS
from taskyard.inbox.receiving import ADVICE
from taskyard.inbox.scheme import Scheme
from taskyard.inbox.verdict import Reason

PAGE = (DOCS / "webhooks-in.md").read_text()


def told_under(heading: str) -> list[str]:
    """What stands in backticks in the first column of the tables of a section."""
    section = re.split(r"^#{2,3} ", PAGE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def test_every_preset_is_documented_with_where_its_proof_stands() -> None:
    assert told_under("Who sends") == list(PRESETS)
    for name, preset in PRESETS.items():
        [row] = re.findall(rf"^\| `{name}` \|.*$", PAGE, re.MULTILINE)
        places = [place for places in preset.dedupe_key[:1] for place in places]
        names = [one.signature for one in preset.scheme.names]
        for place in [*names, *(place.partition(":")[2] for place in [*preset.event_type[:1], *places])]:
            assert f"`{place}`" in row or name == "forgejo", (name, place)


def test_every_knob_is_documented() -> None:
    assert told_under("Knobs") == [field.name for field in fields(Scheme)]


def test_every_reason_and_every_finding_is_documented() -> None:
    reasons = told_under("Why was it rejected?")
    assert sorted([*reasons, *told_under("The doctor")]) == sorted(CODES)
    assert all(f"`{reason}`" in PAGE for reason in ADVICE), "what is refused before anything is verified"
    assert set(reasons) == set(Reason) - {Reason.VERIFIED, Reason.UNCHECKED}
