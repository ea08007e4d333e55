"""Every knob of every preset matters: turned, some vector is judged otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from support.hooks import VECTORS, now_of, request_of, secrets_of
from taskyard.inbox.presets import PRESETS
from taskyard.inbox.scheme import Digest, Encoding, Grammar, KeyForm, Kind, Names, Scheme, Unit
from taskyard.inbox.verify import verify

OF_AN_HMAC = {"grammar", "digest", "key"}


def turned(scheme: Scheme) -> Iterator[tuple[str, Scheme]]:
    """The scheme with one knob turned, in every way that is another scheme."""
    enums: dict[str, Any] = {"kind": Kind, "grammar": Grammar, "encoding": Encoding, "digest": Digest, "key": KeyForm}
    for knob, choices in enums.items():
        for choice in choices:
            if getattr(scheme, knob) is not choice and used(scheme, knob, choice):
                yield f"{knob}={choice}", replace(scheme, **{knob: choice})
    for index, names in enumerate(scheme.names):
        for part in ("signature", "timestamp", "id"):
            if getattr(names, part) is not None:
                other = (*scheme.names[:index], replace(names, **{part: "X-Other"}), *scheme.names[index + 1 :])
                yield f"names[{index}].{part}", replace(scheme, names=other)
    if scheme.kind is Kind.HMAC:
        yield "template", replace(scheme, template=f"x{scheme.template}")
        if scheme.grammar is not Grammar.BARE:
            yield "field", replace(scheme, field="v9" if scheme.field == "v1" else "other")
    for knob in ("key_prefix", "public_prefix", "public_field", "query"):
        if getattr(scheme, knob):
            yield knob, replace(scheme, **{knob: "other"})
    yield from untimely(scheme)


def used(scheme: Scheme, knob: str, choice: Any) -> bool:
    """Whether the knob means anything to this kind: the digest of a token does not."""
    if knob == "kind":
        return bool(scheme.names) or choice in {Kind.TOKEN, Kind.BEARER, Kind.BASIC, Kind.NONE}
    if knob == "encoding":
        return scheme.kind in {Kind.HMAC, Kind.ED25519, Kind.ECDSA}
    if knob == "grammar" and scheme.grammar is Grammar.BARE:
        return False  # without a field the others have nothing to look for
    return scheme.kind is Kind.HMAC and knob in OF_AN_HMAC


def untimely(scheme: Scheme) -> Iterator[tuple[str, Scheme]]:
    freshness = scheme.freshness
    if freshness is None:
        return
    other = Unit.SECONDS if freshness.unit is Unit.MILLISECONDS else Unit.MILLISECONDS
    yield "unit", replace(scheme, freshness=replace(freshness, unit=other))
    yield "future", replace(scheme, freshness=replace(freshness, refuse_future=not freshness.refuse_future))
    for tolerance_s in (None, 299, 301):
        yield f"tolerance_s={tolerance_s}", replace(scheme, freshness=replace(freshness, tolerance_s=tolerance_s))
    yield "no freshness", replace(scheme, freshness=None)
    if freshness.field:
        yield "freshness.field", replace(scheme, freshness=replace(freshness, field="x"))


TURNED = [(name, what, other) for name, preset in PRESETS.items() for what, other in turned(preset.scheme)]


@pytest.mark.parametrize(("name", "what", "other"), TURNED, ids=[f"{name}: {what}" for name, what, _ in TURNED])
def test_a_knob_that_is_turned_is_noticed(name: str, what: str, other: Scheme) -> None:
    judged = [
        (verdict := verify(other, secrets_of(one), request_of(one), now_of(one))).ok is not one["ok"]
        or verdict.reason != one["reason"]
        for one in VECTORS
        if one["preset"] == name
    ]
    assert any(judged)


def test_a_scheme_uses_the_set_of_names_whose_signature_is_there() -> None:
    names = PRESETS["standard-webhooks"].scheme.names
    assert names[1] == Names("svix-signature", "svix-timestamp", "svix-id")
