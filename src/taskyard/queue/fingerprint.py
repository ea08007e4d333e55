"""What is alike in errors: the same fault gets the same fingerprint, whatever numbers, ids and quoted text it names."""

import hashlib
import re

import orjson

LENGTH = 16  # hex characters
MAX_MESSAGE = 4096  # characters of a message that are looked at: it may hold a whole stack

# In this order: a UUID holds hex, hex holds numbers, and what is quoted may hold any of them.
_VARYING = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    # A quote after a letter is an apostrophe: don't.
    (re.compile(r"""(?<!\w)'[^'\n]*'|"[^"\n]*"|`[^`\n]*`"""), "<text>"),
    (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<email>"),
    # A ULID, a key of some API: letters and digits, and more of them than a word has.
    (re.compile(r"(?<![^\W_])(?=[a-z]*[0-9])[a-z0-9]{20,}(?![^\W_])", re.IGNORECASE), "<id>"),
    (re.compile(r"\b0x[0-9a-f]+\b|\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def fingerprint(command: str, error: str | None) -> str:
    """16 hex characters of a command's error, which is JSON text: its `type` and its `message`, where it has them."""
    kind, message = told(error)
    parts = (command, normalised(kind), normalised(message))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:LENGTH]


def told(error: str | None) -> tuple[str, str]:
    """Type and message of an error: "" where there is none; an error of another form is its own message."""
    value = None if error is None else orjson.loads(error)
    if isinstance(value, dict) and ("type" in value or "message" in value):
        return _text(value.get("type")), _text(value.get("message"))
    return "", _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def normalised(text: str) -> str:
    """A text without what differs from one occurrence to the next: ids, quoted text, hex and other numbers."""
    text = text[:MAX_MESSAGE]
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    return text.strip()
