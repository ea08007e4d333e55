"""Requests signed by openssl, and published ones, are judged as they should be and for the right reason."""

from typing import Any

import pytest

from support.hooks import VECTORS, now_of, request_of, secrets_of
from taskyard.inbox.presets import PRESETS
from taskyard.inbox.verdict import Reason
from taskyard.inbox.verify import verify


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_each_vector_gets_its_verdict_for_its_reason(vector: dict[str, Any]) -> None:
    verdict = verify(PRESETS[vector["preset"]].scheme, secrets_of(vector), request_of(vector), now_of(vector))
    assert (verdict.ok, verdict.reason, verdict.secret) == (vector["ok"], vector["reason"], vector["secret"])


def test_every_preset_has_vectors_that_hold_and_every_reason_one_that_has_it() -> None:
    assert {vector["preset"] for vector in VECTORS if vector["ok"]} == set(PRESETS)
    assert {vector["reason"] for vector in VECTORS} == set(Reason)
