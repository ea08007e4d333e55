"""How large a body may be, where a route takes larger ones than the rest."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import current_app, request

F = TypeVar("F", bound=Callable[..., Any])


def up_to(setting: str) -> Callable[[F], F]:
    """Read bodies of so many bytes as this setting says. Stands above `blp.arguments`, which reads the body."""

    def decorate(view: F) -> F:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            request.max_content_length = getattr(current_app.extensions["taskyard.config"], setting)
            return view(*args, **kwargs)

        return wrapper  # type: ignore[return-value]  # the wrapper takes and gives what the view does

    return decorate
