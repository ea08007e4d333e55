"""Why a task does not run just now, and what to do about it: from what is known of it to sentences, and nothing else.

docs/explain.md tells of every code.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from taskyard.core.types import instant_to_text
from taskyard.queue import roll
from taskyard.queue.lifecycle import Status
from taskyard.tasks import limit_reasons, push_reasons
from taskyard.tasks.facts import Code, Facts, Reason, Running

DUTY = timedelta(seconds=5)  # a dispatcher that runs is never so late

ENDED = {
    Status.SUCCEEDED: (
        Code.SUCCEEDED,
        "A worker has done it.",
        "Nothing: read its result. Submit another to do it again.",
    ),
    Status.FAILED: (
        Code.FAILED,
        "",  # _spent
        "Read its error and GET …/attempts, mend the cause, then POST …/retry.",
    ),
    Status.CANCELLED: (
        Code.CANCELLED,
        "Somebody cancelled it, or a task that had to succeed first did not.",
        "Where it was the latter, its error names that one. POST …/retry, should it run after all.",
    ),
    Status.EXPIRED: (
        Code.EXPIRED,
        "No worker had started it by its expires_at.",
        "POST …/retry runs it without that limit; see to it that workers ask for its queue in time.",
    ),
    Status.LOST: (
        Code.LOST,
        "Its worker vanished or a push was never answered, so whether the work was done is not known, and its command"
        " holds such tasks.",
        "Find out whether the work was done. If not, POST …/retry; if it was, leave it or delete it.",
    ),
}
AFTER = {"failed": "failed", "lost": "was lost with its worker", "released": "was given back by its worker"}


def reasons(facts: Facts) -> list[Reason]:
    """Every reason, the one that decides first."""
    if facts.status in ENDED:
        code, detail, action = ENDED[facts.status]
        return [Reason(code, f"{detail or _spent(facts)} It ended at {_at(facts.finished_at)}.", action)]
    if facts.running is not None:
        return list(_running(facts, facts.running))
    return [*_waits(facts), *_time(facts), *_line(facts), *_bounds(facts)]


def _spent(facts: Facts) -> str:
    """Why a task that failed is not tried again."""
    if facts.failures >= facts.max_attempts or facts.crashes >= facts.max_crashes:
        return f"{_count(facts)}."
    if facts.last == "lost":
        return "Its worker vanished, and its command says that such a task fails."
    return "It was not to be tried again: its worker said so, or the time for retries is over."


def _waits(facts: Facts) -> Iterator[Reason]:
    if facts.waits is None:
        return
    named = ", ".join(f"{task_id} ({status})" for task_id, status in facts.waits.first)
    more = facts.waits.left - len(facts.waits.first)
    detail = f"It waits for {_tasks(facts.waits.left)} to end: {named}{f' and {more} more' if more > 0 else ''}."
    fate = "it is cancelled" if facts.waits.on_failure == "cancel" else "it runs all the same"
    yield Reason(Code.WAITS_FOR, detail, f"GET …/explain of those. Where one of them does not succeed, {fate}.")


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _time(facts: Facts) -> Iterator[Reason]:
    if facts.ahead is not None or facts.is_parked:
        return
    if facts.waits is not None and facts.run_at <= facts.now:
        return
    if facts.run_at > facts.now:
        if put_off := push_reasons.put_off(facts):
            yield put_off
        elif facts.last in AFTER:
            detail = f"Attempt {facts.attempts} {AFTER[facts.last]} at {_at(facts.last_ended_at)}; {_count(facts)}. "
            again = f"The next one is due at {_at(facts.run_at)}."
            if facts.last == "released" and facts.last_error == UNKNOWN_COMMAND:
                again = f"That worker has no handler for its command. {again}"
                yield Reason(Code.RETRY_WAITING, detail + again, "Start a worker of this queue that has one.")
            else:
                yield Reason(Code.RETRY_WAITING, detail + again, _SOONER)
        else:
            yield Reason(Code.SCHEDULED, f"It is scheduled for {_at(facts.run_at)}.", _SOONER)
    elif facts.now - facts.run_at > DUTY:
        yield Reason(
            Code.DISPATCHER_LATE,
            f"It was due at {_at(facts.run_at)}, and no dispatcher has let it go yet.",
            "Start a dispatcher (`taskyard dispatcher`), or look into the log of the one that runs.",
        )
    else:
        yield Reason(Code.DUE, f"It was due at {_at(facts.run_at)}; a dispatcher lets it go any moment.", "Nothing.")


UNKNOWN_COMMAND = "unknown_command"  # the type of the error with which Taskyard's own worker gives such a task back
_SOONER = 'To run it sooner, PATCH it with {"run_at": <a time that has passed>}.'


def _line(facts: Facts) -> Iterator[Reason]:
    """What stands between the task and a worker; of one that waits for its time, what will."""
    if facts.paused_at is not None:
        detail = f"The queue {facts.queue} is paused since {_at(facts.paused_at)}."
        yield Reason(Code.QUEUE_PAUSED, detail, f"POST /v1/queues/{facts.queue}/resume, with the role for it.")
    pushed = facts.pushed
    hindered = list(_workers(facts) if pushed is None else push_reasons.takers(facts, pushed))
    yield from hindered
    over = limit_reasons.over(facts)
    yield from over
    if facts.is_parked and not over:
        detail = "Its limit key has room again, and a dispatcher lets it back into the line in its turn."
        yield Reason(Code.DUE, detail, "Nothing. Where none of its key moves, see that a dispatcher runs.")
    if facts.ahead is None:
        return
    if facts.ahead.count:
        number = f"{facts.ahead.count:,}{' or more' if facts.ahead.capped else ''}"
        detail = f"{number} {'task stands' if number == '1' else 'tasks stand'} before it in the queue {facts.queue}."
        ways = ["Wait", "raise `concurrency` of its push" if pushed else "add workers"]
        if facts.priority != "high":
            ways.append('PATCH it with {"priority": "high"}')
        yield Reason(Code.TASKS_AHEAD, detail, f"{', '.join(ways[:-1])} or {ways[-1]}.")
    elif not hindered and facts.paused_at is None and not over:
        taker = "a dispatcher pushes it at once" if pushed else "the next worker that asks gets it"
        yield Reason(Code.NEXT_IN_LINE, "It is the next in its queue.", f"Nothing: {taker}.")


def _workers(facts: Facts) -> Iterator[Reason]:
    """Why no worker takes it out of the line."""
    if facts.push is not None and push_reasons.put_off(facts) is None:
        yield push_reasons.misplaced(facts)
    if roll.asks(facts.asked_at, facts.now):
        return
    if roll.asks(facts.drained_asked_at, facts.now):
        yield Reason(
            Code.NO_WORKER,
            f"Only workers that are being drained ask for the queue {facts.queue}.",
            f"Start another that asks for {facts.queue}, or POST /v1/workers/<id>/resume for one of them.",
        )
    else:
        last = f"the last one did at {_at(facts.asked_at)}" if facts.asked_at else "none has of late"
        yield Reason(
            Code.NO_WORKER,
            f"No worker has asked for the queue {facts.queue} in the last minute: {last}.",
            f"Start one that asks for {facts.queue}, or see whether those there are have their hands full.",
        )


def _bounds(facts: Facts) -> Iterator[Reason]:
    if facts.closed_at is not None:
        detail = (
            f"The queue {facts.queue} is closed to new tasks since {_at(facts.closed_at)}; what waits is still run."
        )
        yield Reason(Code.QUEUE_CLOSED, detail, "Nothing: that does not hold this task up.")
    if facts.expires_at is not None:
        detail = f"It is no longer worth starting from {_at(facts.expires_at)} on."
        yield Reason(Code.EXPIRES, detail, "See to it that it starts before, or it ends as expired.")


def _running(facts: Facts, held: Running) -> Iterator[Reason]:
    beat = f"last heartbeat at {_at(held.beat_at)}" if held.beat_at else "no heartbeat yet"
    yield Reason(
        Code.RUNNING,
        f"Attempt {held.attempt} runs on the worker {held.worker} since {_at(held.since)}: {beat},"
        f" its lease ends at {_at(held.until)}.",
        "Nothing. GET …/attempts shows its log; POST …/cancel stops it.",
    )
    if held.cancel_at is not None:
        detail = (
            f"Its cancellation was asked for at {_at(held.cancel_at)}; its worker hears of it at its next heartbeat."
        )
        yield Reason(Code.CANCELLING, detail, "Wait. A worker that never answers loses it when its lease ends.")
    if held.until < facts.now:
        yield Reason(
            Code.LEASE_OVER,
            f"Its lease ended at {_at(held.until)} without a word of its worker.",
            "Wait: a dispatcher takes it away within seconds. If it does not, start one (`taskyard dispatcher`).",
        )


def following(facts: Facts) -> str:
    """What happens next, in a sentence."""
    if facts.status in ENDED:
        return "Nothing, unless somebody retries or deletes it." if facts.status is not Status.SUCCEEDED else "Nothing."
    if facts.running is not None:
        if facts.running.until < facts.now:
            return "A dispatcher ends this attempt as lost, and the command's on_lost says what then."
        if facts.running.cancel_at is not None:
            return "Its worker stops it, and it ends as cancelled; unless it is done before it hears of that."
        return "Its worker settles it, or is silent until the lease ends and loses it."
    if facts.waits is not None:
        time = f", at {_at(facts.run_at)} at the earliest" if facts.run_at > facts.now else ""
        return f"The last of those that it waits for lets it go when it ends{time}."
    if facts.is_parked:
        return "It comes back into the line when its key has room: its place is kept."
    if facts.ahead is None:
        return f"A dispatcher puts it in line at {_at(max(facts.run_at, facts.now))}."
    if facts.paused_at is not None:
        return "It keeps its place until the queue is resumed."
    if over := limit_reasons.over(facts):
        return f"It keeps its place until {_ROOM[over[0].code]}."
    if facts.pushed is not None:
        return "A dispatcher posts it to the URL of its command when nothing stands before it."
    return f"The first worker that asks for {facts.queue} when nothing stands before it gets it."


_ROOM = {
    Code.KEY_PAUSED: "its limit key is resumed",
    Code.QUEUE_LIMIT: "one that runs in the queue ends",
    Code.KEY_LIMIT: "one that runs of its limit key ends",
    Code.QUEUE_RATE: "the rate of the queue lets one start again",
    Code.KEY_RATE: "the rate of its limit key lets one start again",
}


def _count(facts: Facts) -> str:
    if facts.last == "lost":
        return f"{facts.crashes} of {facts.max_crashes} crashes are used up"
    return f"{facts.failures} of {facts.max_attempts} failures are used up"


def _at(moment: datetime | None) -> str:
    return "a time unknown" if moment is None else instant_to_text(moment)
