"""The secrets of sources: how they are kept, and what of them is shown.

They are needed as they are to verify with them, so no hash would do. How they stand in the database is known here and
nowhere else.
"""

from datetime import datetime
from typing import Any

from taskyard.core.errors import Fault, Invalid
from taskyard.core.ids import new_id
from taskyard.core.types import instant_to_text

HINT_CHARS = 4
LEAST_HINTED = 12  # characters of a secret of which four may be shown
TIMES = ("not_before", "expires_at")


def merged(kept: list[dict[str, Any]], sent: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The secrets of a source after a change: those that were sent, and of those named by their id the kept ones.

    Raises:
        Invalid: there is no secret of this id.
    """
    if sent is None:
        return kept
    by_id = {one["id"]: one for one in kept}
    unknown = [index for index, one in enumerate(sent) if "id" in one and one["id"] not in by_id]
    if unknown:
        raise Invalid([Fault("There is no secret of this id.", pointer=f"/secrets/{index}/id") for index in unknown])
    return [_kept(one, by_id) for one in sent]


def _kept(sent: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if "id" in sent:
        held = {name: by_id[sent["id"]][name] for name in ("id", "secret", "hint")}
    else:
        held = {"id": new_id(), "secret": sent["secret"], "hint": _hint(sent["secret"])}
    times = {name: None if sent[name] is None else instant_to_text(sent[name]) for name in TIMES}
    return held | times


def _hint(secret: str) -> str:
    """The last characters, where enough others stay unknown."""
    return secret[-HINT_CHARS:] if len(secret) >= LEAST_HINTED else ""


def shown(kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All but the secrets themselves."""
    return [{"id": one["id"], "hint": one["hint"], **{name: _time(one[name]) for name in TIMES}} for one in kept]


def opened(kept: list[dict[str, Any]]) -> list[tuple[str, str, datetime | None, datetime | None]]:
    """Id, secret, not_before and expires_at of each."""
    return [(one["id"], one["secret"], _time(one["not_before"]), _time(one["expires_at"])) for one in kept]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
