"""Answers that come later: a request that waits lets go of all that was made for it, and goes on in a fresh context.

A wait below Flask would keep a deep stack, the contexts and the body; thousands may wait. So a view hands its steps
over to web/edge.py, which waits far above.
"""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

from flask import Flask, Response, request

R = TypeVar("R")
Rest = Callable[[], object]  # returns once it is time to go on
Steps = Generator[Rest, None, R]  # between two steps nothing is done but to rest

WAITS, GOES_ON = "taskyard.waits", "taskyard.goes_on"  # in the environ


class Paused(NamedTuple):
    """A request between two steps."""

    rest: Rest
    steps: Steps[Any]
    render: Callable[[Any], Response]


class _Later(Response):
    """Stands for an answer that is not there yet."""

    def __init__(self, paused: Paused) -> None:
        super().__init__()
        self._paused = paused

    def __call__(self, environ: dict[str, Any], _start_response: object) -> tuple[()]:
        environ[WAITS] = self._paused
        return ()


def answer(steps: Steps[R], render: Callable[[R], Response]) -> Response:
    """What the steps come to, rendered, once they are through; between them the request rests without a context."""
    try:
        rest = next(steps)
    except StopIteration as end:
        return render(end.value)
    return _Later(Paused(rest, steps, render))


def rested(environ: dict[str, Any]) -> bool:
    """Whether this request had to wait; it has by now, and wants to be called again."""
    paused: Paused | None = environ.pop(WAITS, None)
    if paused is None:
        return False
    try:
        paused.rest()
    except BaseException:
        paused.steps.close()  # now rather than whenever it is collected: others may wait behind it
        raise
    environ[GOES_ON] = paused
    return True


def register(app: Flask) -> None:
    """Call before other hooks are registered: who may call was decided when the request came."""

    @app.before_request
    def go_on() -> Response | None:
        paused: Paused | None = request.environ.pop(GOES_ON, None)
        return None if paused is None else answer(paused.steps, paused.render)
