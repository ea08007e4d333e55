"""Request bodies are whole or refused: gunicorn hands on what it got, werkzeug cuts off what is beyond its limit."""

from typing import Any

import flask
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge


class Body:
    """A stream that raises where the body is malformed or ends before its Content-Length."""

    def __init__(self, stream: Any, announced: int) -> None:
        self._stream, self._left = stream, announced

    def read(self, size: int = -1) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except ParseException as error:
            raise BadRequest("The chunks of the body are malformed.") from error
        self._left -= len(data)
        if not data and size and self._left > 0:
            raise BadRequest("The body ended before its Content-Length.")
        return data


class Request(flask.Request):
    """Flask's, with a body that is all there."""

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        if not isinstance(environ["wsgi.input"], Body):  # as it is in a request that goes on
            length: str = environ.get("CONTENT_LENGTH", "")
            environ["wsgi.input"] = Body(environ["wsgi.input"], int(length) if length.isdecimal() else 0)
        super().__init__(environ, *args, **kwargs)

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        data = super().get_data(*args, **kwargs)
        # A chunked body may go on where werkzeug stopped reading.
        if self.content_length is None and len(data) == self.max_content_length and self.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge
        return data
