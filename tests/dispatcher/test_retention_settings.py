"""The settings say how long the dispatcher keeps what has ended."""

from pathlib import Path

import pytest

from taskyard import config
from taskyard.config import Config, ConfigError
from taskyard.dispatcher.duties import all_duties
from taskyard.queue.lifecycle import OUTCOMES


def test_every_outcome_is_kept_for_a_time_unless_told_otherwise(tmp_path: Path) -> None:
    keep_s = Config(tmp_path, "sqlite:///x.db", b"x").keep_s
    assert set(keep_s) == OUTCOMES
    assert all(keep_s.values())
    assert "remove-ended" in [duty.name for duty in all_duties(idempotency_s=1, keep_s=keep_s)]


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_a_setting_for_each(outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKYARD_INSTANCE", str(tmp_path))
    name = f"TASKYARD_KEEP_{outcome.upper()}_S"
    monkeypatch.setenv(name, "0")
    assert config.from_env().keep_s[outcome] == 0
    monkeypatch.setenv(name, "-1")
    with pytest.raises(ConfigError, match=name):
        config.from_env()
