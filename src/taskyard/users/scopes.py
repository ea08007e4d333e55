"""The scopes of credentials: which there are, which a role may have, and which of them one may hand on."""

import re
from collections.abc import Iterable

from taskyard.users.models import Role

BASIC = ("read", "write", "work")
ALL = (*BASIC, "admin")
SCOPE = re.compile(r"(read|write|work(:[A-Za-z0-9][A-Za-z0-9._:-]{0,99})?|admin)")
RULE = "Must be read, write, work, work:<queue> or admin."


def known(scope: str) -> bool:
    return SCOPE.fullmatch(scope) is not None


def of_role(role: Role) -> tuple[str, ...]:
    """Everything somebody of this role may be given; `work` stands for `work:<queue>` of every queue."""
    return BASIC if role is Role.USER else ALL


def beyond(wanted: Iterable[str], held: Iterable[str]) -> list[str]:
    """What of the wanted scopes goes beyond those held, in order."""
    has = frozenset(held)
    return [one for one in wanted if one not in has and not (one.startswith("work:") and "work" in has)]


def within(scopes: Iterable[str], role: Role) -> frozenset[str]:
    """What these scopes come to for this role: a key made before somebody was demoted still names `admin`."""
    given = list(scopes)
    return frozenset(given) - frozenset(beyond(given, of_role(role)))
