"""What a command says while it runs: its log, and how far it is."""

import re
import threading
from typing import IO

from taskyard.client.running import RunningTask, clean

PROGRESS = re.compile(r"progress:\s*(\d{1,3})(?:\.\d+)?\s*%?(?:\s+(.*))?", re.IGNORECASE)
MAX_LINE = 8_192  # bytes; a longer one is cut into several
TAIL = 4_096  # characters that a failure's error carries


class Stderr:
    """Reads line by line into the task's log; `progress: 40 page 4 of 10` sets its progress instead."""

    def __init__(self, stream: IO[bytes], task: RunningTask) -> None:
        self.tail = ""
        self._stream = stream
        self._task = task
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with self._stream:
            while line := self._stream.readline(MAX_LINE):
                self._heed(clean(line.decode("utf-8", "replace")).rstrip("\r\n"))

    def _heed(self, line: str) -> None:
        told = PROGRESS.fullmatch(line)
        if told:
            self._task.progress(int(told[1]), told[2])
            return
        self._task.log(line)
        self.tail = (self.tail + line + "\n")[-TAIL:]
