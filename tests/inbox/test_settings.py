"""What of the settings the inbox reads."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from taskyard.config import from_env
from taskyard.listening import ConfigError


@pytest.fixture(autouse=True)
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKYARD_INSTANCE", str(tmp_path))


def test_trusted_proxies_are_networks_addresses_and_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_env().trusted_proxies == ()
    monkeypatch.setenv("TASKYARD_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1,unix")
    assert from_env().trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("2001:db8::1/128"), "unix")


@pytest.mark.parametrize("given", ["10.0.0.1/8", "proxy.example.com", "10.0.0.1,,"])
def test_what_is_no_network_ends_the_start(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("TASKYARD_TRUSTED_PROXIES", given)
    with pytest.raises(ConfigError, match="TRUSTED_PROXIES"):
        from_env()


def test_requests_are_kept_for_a_time_that_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKYARD_KEEP_REQUESTS_S", "60")
    assert from_env().keep_requests_s == 60
