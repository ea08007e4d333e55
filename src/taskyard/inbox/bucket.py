"""Token buckets in the memory of this process: for what must cost no write."""

import threading
import time
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """A bucket per name. Each web process has its own, so several of them let through as many times as much."""

    MOST = 10_000  # names; what is forgotten is full again

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str, count: int, per_s: float) -> float:
        """Take one of `count` tokens, which come back evenly within `per_s`; 0, or the seconds until there is one."""
        now = time.monotonic()
        with self._lock:
            if len(self._buckets) >= self.MOST:
                self._buckets.clear()
            bucket = self._buckets.setdefault(name, _Bucket(count, now))
            bucket.tokens = min(count, bucket.tokens + (now - bucket.at) * count / per_s)
            bucket.at = now
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return (1 - bucket.tokens) * per_s / count
