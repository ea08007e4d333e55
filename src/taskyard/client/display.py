"""A line on the terminal that says what a worker is doing, below the log lines; where there is no terminal, nothing."""

import logging
import shutil
import sys
import threading
from typing import TextIO

from taskyard.client.held import Held
from taskyard.client.running import RunningTask

EVERY_S = 0.25
CLEAR = "\r\x1b[2K"
_terminal = threading.RLock()  # log lines and the display write in turn


class LogHandler(logging.StreamHandler[TextIO]):
    """Log lines on standard error, in place of the display's line, which is drawn again below."""

    def emit(self, record: logging.LogRecord) -> None:
        with _terminal:
            if self.stream.isatty():
                self.stream.write(CLEAR)
            super().emit(record)


class Display:
    """Draws until `end`."""

    def __init__(self, held: Held, stream: TextIO | None = None) -> None:
        self._held = held
        self._stream = stream or sys.stderr
        self._over = threading.Event()

    def run(self) -> None:
        if not self._stream.isatty():
            return
        while not self._over.wait(EVERY_S):
            self._draw(line(self._held, shutil.get_terminal_size().columns - 1))
        self._draw("")

    def end(self) -> None:
        self._over.set()

    def _draw(self, text: str) -> None:
        with _terminal:
            self._stream.write(CLEAR + text)
            self._stream.flush()


def line(held: Held, width: int) -> str:
    """What is going on, in so many characters."""
    running = [task for task in held.tasks() if not task.concluded]
    counts = [f"{len(running)} running" if running else "waiting"]
    counts += [f"{count} {outcome}" for outcome, count in sorted(held.done.items())]
    parts = [" · ".join(counts), *(_one(task) for task in sorted(running, key=lambda task: task.started))]
    return " | ".join(parts)[:width]


def _one(task: RunningTask) -> str:
    percent = "" if task.percent is None else f" {task.percent} %"
    note = f" {task.note}" if task.note else ""
    return f"{task.command} {task.id[-6:]}{percent}{note} {task.seconds:.0f} s"
