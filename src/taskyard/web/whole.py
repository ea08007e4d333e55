"""Request bodies are whole or refused: gunicorn hands on what it got, werkzeug cuts off what is beyond its limit."""

from typing import Any

import flask
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.utils import cached_property


class Body:
    """A stream that raises where the body is malformed or ends before its Content-Length."""

    def __init__(self, stream: Any, announced: int) -> None:
        self._stream, self._left = stream, announced
        self.announced = announced  # 0: nothing is known of its length

    def read(self, size: int = -1) -> bytes:
        """So many bytes or fewer, none at the end; all that were announced if negative."""
        whole = size < 0 and self.announced > 0
        try:
            data: bytes = self._stream.read(self._left if whole else size)
        except ParseException as error:
            raise BadRequest("The chunks of the body are malformed.") from error
        self._left -= len(data)
        if self._left > 0 and (whole or (size and not data)):
            raise BadRequest("The body ended before its Content-Length.")
        return data


class Request(flask.Request):
    """Flask's, with a body that is all there."""

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        if not isinstance(environ["wsgi.input"], Body):  # as it is in a request that goes on
            length: str = environ.get("CONTENT_LENGTH", "")
            environ["wsgi.input"] = Body(environ["wsgi.input"], int(length) if length.isdecimal() else 0)
        super().__init__(environ, *args, **kwargs)

    @cached_property
    def stream(self) -> Any:
        """Of known length it is read at once; werkzeug would look again and again whether there is more."""
        body: Body = self.environ["wsgi.input"]
        most = self.max_content_length
        return body if body.announced and (most is None or body.announced <= most) else super().stream

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        data = super().get_data(*args, **kwargs)
        # A chunked body may go on where werkzeug stopped reading.
        if self.content_length is None and len(data) == self.max_content_length and self.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge
        return data
