"""Regular expressions in schemas: a linear engine runs them, and how large one may become is bounded."""

from functools import lru_cache

import jsonschema_rs

MAX_SIZE = 1024 * 1024  # bytes of the compiled program
MAX_PATTERNS = 200  # different ones in one schema
SIZES = (1024, 8 * 1024, 64 * 1024, MAX_SIZE)
SIZE_OF_A_STEP = 100  # measured: the worst take as many plain checks for each character as they have 100 bytes
REFUSED = (
    "This regular expression is not valid, or not supported: matching must take linear time, so there is no look-around"
    " and no back reference, and its repetitions must not make it larger than 1 MiB."
)
OPTIONS = jsonschema_rs.RegexOptions(size_limit=MAX_SIZE)


@lru_cache(maxsize=4096)
def size(pattern: str) -> int | None:
    """About how many bytes a pattern takes once it is compiled; None: too many, or it is none of this engine's."""
    for bound in SIZES:
        if _fits(pattern, bound):
            return bound
    return None


def steps(pattern: str) -> int:
    """What running it costs for each character, in plain checks."""
    return 1 + (size(pattern) or 0) // SIZE_OF_A_STEP


def _fits(pattern: str, bound: int) -> bool:
    options = jsonschema_rs.RegexOptions(size_limit=bound)
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options, offline=True)
    except jsonschema_rs.ValidationError:
        return False
    return True
