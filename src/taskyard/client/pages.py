"""Lists come in pages."""

from urllib.parse import urlsplit

from taskyard.client.transport import Answer


def next_page(answer: Answer) -> str | None:
    """The query of the next page, from the Link header (RFC 8288)."""
    for link in answer.headers.get("Link", "").split(", "):
        target, _, relation = link.partition(">;")
        if 'rel="next"' in relation:
            return urlsplit(target.removeprefix("<")).query
    return None
