"""Why a task whose command is pushed waits, in sentences."""

from collections.abc import Iterator

from taskyard.core.types import instant_to_text
from taskyard.queue import roll
from taskyard.tasks.facts import Code, Facts, Push, Reason
from taskyard.tasks.limit_reasons import held
from taskyard.tasks.pushed import LATER, NOT_PUSHED, STATUS

BUSY = {f"{STATUS}{status}" for status in LATER}


def put_off(facts: Facts) -> Reason | None:
    """Why a dispatcher gave it back until its run_at, if one did."""
    if facts.push is None or facts.last != "released" or facts.run_at <= facts.now:
        return None
    if facts.last_error in BUSY:
        until = instant_to_text(facts.run_at)
        return Reason(
            Code.RECEIVER_BUSY,
            f"The receiver answered attempt {facts.attempts} with {str(facts.last_error).removeprefix(STATUS)}"
            f" and asked to wait until {until}. That counts neither as a failure nor as a crash.",
            'Wait. To push it sooner, PATCH it with {"run_at": <a time that has passed>}.',
        )
    return misplaced(facts) if facts.last_error == NOT_PUSHED else None


def misplaced(facts: Facts) -> Reason:
    """Its queue is pushed, and its command is not."""
    return Reason(
        Code.NOT_PUSHED,
        f"The queue {facts.queue} is pushed, and the command of this task is not: a dispatcher that finds it there puts"
        " it aside, for a minute each time.",
        "Submit such tasks to another queue, or have their command pushed. A worker that asks for it may get it, too.",
    )


def takers(facts: Facts, push: Push) -> Iterator[Reason]:
    """Why nobody takes it out of the line just now: its command is pushed."""
    if not roll.asks(push.pushed_at, facts.now) and not roll.asks(facts.asked_at, facts.now):
        last = f"the last one did at {instant_to_text(push.pushed_at)}" if push.pushed_at else "none has of late"
        yield Reason(
            Code.NO_DISPATCHER,
            f"No dispatcher has pushed tasks of the queue {facts.queue} in the last minute: {last}.",
            "Start a dispatcher (`taskyard dispatcher`), or look into the log of the one that runs.",
        )
    if push.running >= push.most:
        yield Reason(
            Code.PUSH_LIMIT,
            f"The push of the queue {facts.queue} is full: {push.running}/{push.most} requests are under way"
            f"{held(push.running, push.holders)}.",
            "Wait until one of them is answered, or raise `concurrency` of the push: PUT /v1/commands/<its command>,"
            " with the role for it.",
        )
