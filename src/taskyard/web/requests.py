"""The transaction of a request: committed when its answer is good, rolled back when it is not."""

from flask import Flask, Response

from taskyard.core import transaction
from taskyard.core.idempotency import Repeated
from taskyard.web import idempotency, problems


def register(app: Flask) -> None:
    """Call before other hooks are registered: Flask runs `after_request` functions last to first."""
    app.after_request(_settle)

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        transaction.rollback_request()  # whatever a broken request left open


def _settle(response: Response) -> Response:
    """Commit or roll back, once: an error here becomes the answer instead of running the hooks again."""
    if response.status_code >= 400:
        transaction.rollback_request()
        return idempotency.replay_if_done() or response
    try:
        idempotency.keep(response)
        transaction.commit_request()
    except Exception as error:  # whatever it is: Flask would answer it by running these hooks once more
        transaction.rollback_request()
        return _instead(error)
    return response


def _instead(error: Exception) -> Response:
    """What to answer when the commit has failed."""
    try:
        if isinstance(error, Repeated):
            return idempotency.first_answer()
    except Exception as another:
        error = another
    return problems.answer(error)
