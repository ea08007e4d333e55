"""The actors a process has looked up lately, by their token."""

import threading
import time

from taskyard.core.db import Database
from taskyard.users.actor import Actor

SIZE = 10_000


class Actors:
    """The memory of one process of one database. What is put in while `forget` runs does not stay."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, Actor]] = {}
        self._lock = threading.Lock()
        self.generation = 0

    def get(self, token: str) -> Actor | None:
        found = self._found.get(token)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def put(self, token: str, actor: Actor, keep_s: float, generation: int) -> None:
        """Keep an actor that was looked up in this generation; one of an earlier generation may be out of date."""
        with self._lock:
            if generation != self.generation or keep_s <= 0:
                return
            if len(self._found) >= SIZE:
                self._found.clear()
            self._found[token] = (time.monotonic() + keep_s, actor)

    def forget(self) -> None:
        """Look everybody up anew: something about users, keys or tokens has changed."""
        with self._lock:
            self.generation += 1
            self._found.clear()


def actors(database: Database) -> Actors:
    return database.kept(Actors, Actors)
