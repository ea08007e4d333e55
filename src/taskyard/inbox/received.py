"""One inbound webhook as it came over the wire: nothing decoded, nothing parsed, nothing joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Received:
    """What a sender sent. Header values are text as WSGI gives it (latin-1); a header sent twice is there twice."""

    method: str
    path: str  # what follows /hooks/{source}, "" or "/…"
    query: str  # as sent, without the question mark
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        """Every value sent under this name, whatever its case."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def parameter(self, name: str) -> list[str]:
        """Every value of this name in the query."""
        return [value for key, value in parameters(self.query) if key == name]

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case; empty where none or more than one was sent."""
        sent = self.header("Content-Type")
        return sent[0].partition(";")[0].strip().lower() if len(sent) == 1 else ""


MOST_PARAMETERS = 1000


def parameters(text: str) -> list[tuple[str, str]]:
    """The pairs of a query or a form; none of them where there are far too many."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="replace")
    except ValueError:
        return []


def octets(value: str) -> bytes:
    """The bytes a header's value was, of whichever kind of text it is given as."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
