"""Which URLs an endpoint may have: judged as at sending, and told without naming what lies inside."""

from taskyard.core.errors import Fault, Invalid
from taskyard.egress import urls
from taskyard.egress.policy import BLOCKED, Rules

INSIDE = (
    "Taskyard may not connect there (blocked_address): it is not on the public Internet. The operator can allow it with"
    " TASKYARD_EGRESS_ALLOW."
)


def check(url: str, rules: Rules) -> None:
    """Raises:
    Invalid: nothing may be sent to it.
    """
    verdict, _ = urls.check_url(url, rules)
    if not verdict.allowed:
        raise Invalid([Fault(INSIDE if verdict.kind == BLOCKED else verdict.reason, pointer="/url")])
