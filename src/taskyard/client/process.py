"""Handlers that are shell commands: payload on stdin, result from stdout, log from stderr."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import IO, Any

from taskyard.client.outcome import DoNotRetry, Failure
from taskyard.client.resources import encode
from taskyard.client.running import RunningTask, Stop, clean
from taskyard.client.stderr import Stderr

MAX_OUTPUT = 1024 * 1024  # bytes of stdout
DO_NOT_RETRY = 65  # EX_DATAERR of sysexits.h: the input is wrong, and will be so next time
LINGER_S = 1.0  # for what a command left behind to close its output
READ = 65_536


class ShellCommand:
    """Runs each task as a process group of its own.

    The payload is JSON on stdin; TASKYARD_TASK_ID, TASKYARD_ATTEMPT, TASKYARD_COMMAND and TASKYARD_TIMEOUT_S are in
    the environment. Exit code 0: stdout is the result: JSON, or else a string (null where it is empty), 1 MiB at most.
    Any other exit code fails the attempt with {type: "exit", message, exit_code, stderr}; after 65 the task is not
    tried again. The exit code of a command that a signal ended is 128 plus its number. stderr is the log; a line
    `progress: 40 page 4` sets the progress.
    To stop it the whole group gets SIGTERM, and SIGKILL after the grace. What it left in its group ends with it.
    """

    def __init__(self, command: str) -> None:
        self.command = command

    def __call__(self, payload: Any, task: RunningTask) -> Any:
        process = self._start(task)
        assert process.stdin
        assert process.stdout
        assert process.stderr
        stdout, stderr = _Stdout(process.stdout), Stderr(process.stderr, task)
        group = _Group(process, [stdout.thread, stderr.thread])
        task.on_stop(group.stop)
        with contextlib.suppress(OSError), process.stdin:  # it need not read its payload
            process.stdin.write(encode(payload))
        code = group.wait()
        return _result(task, code, stdout, stderr.tail)

    def _start(self, task: RunningTask) -> subprocess.Popen[bytes]:
        own = {
            "TASKYARD_TASK_ID": task.id,
            "TASKYARD_ATTEMPT": str(task.attempt),
            "TASKYARD_COMMAND": task.command,
            "TASKYARD_TIMEOUT_S": str(task.timeout_s),
            # Where there is no `python`, this worker's own will do.
            "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)]),
        }
        return subprocess.Popen(
            self.command,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **own},
            start_new_session=True,
        )


class _Stdout:
    """Reads all, keeps MAX_OUTPUT."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.kept = bytearray()
        self.too_large = False
        self._stream = stream
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with self._stream:
            while piece := os.read(self._stream.fileno(), READ):
                self.too_large = self.too_large or len(self.kept) + len(piece) > MAX_OUTPUT
                if not self.too_large:
                    self.kept += piece


class _Group:
    """A process, and all that it started and that has not left its group."""

    def __init__(self, process: subprocess.Popen[bytes], readers: list[threading.Thread]) -> None:
        self._process = process
        self._readers = readers
        self._force: threading.Timer | None = None
        self._grace_s: float | None = None  # once it is to stop
        self._lock = threading.Lock()
        self._over = False

    def stop(self, grace_s: float) -> None:
        """SIGTERM now, SIGKILL after the grace; without a grace SIGKILL now."""
        with self._lock:
            if grace_s > 0 and self._grace_s is None:
                self._force = threading.Timer(grace_s, self._signal, [signal.SIGKILL])
                self._force.daemon = True
                self._force.start()
            self._grace_s = grace_s
        self._signal(signal.SIGTERM if grace_s > 0 else signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, once nothing of the group is left."""
        code = self._process.wait()
        # A shell dies of SIGTERM before its children have cleaned up: their open output shows that they are there.
        linger_s = LINGER_S if self._grace_s is None else max(LINGER_S, self._grace_s + LINGER_S)
        for reader in self._readers:
            reader.join(linger_s)
        self._signal(signal.SIGKILL)
        self._over = True
        if self._force:
            self._force.cancel()
        for reader in self._readers:
            reader.join(LINGER_S)
        return code

    def _signal(self, number: signal.Signals) -> None:
        if not self._over:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
                os.killpg(self._process.pid, number)


def _result(task: RunningTask, code: int, stdout: _Stdout, stderr: str) -> Any:
    exit_code = code if code >= 0 else 128 - code
    if task.stopped is Stop.TIMEOUT:
        message = f"Stopped after its timeout of {task.timeout_s} s."
        raise Failure({"type": "timeout", "message": message, "exit_code": exit_code, "stderr": stderr})
    if code:
        said = f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"
        error = {"type": "exit", "message": said, "exit_code": exit_code, "stderr": stderr}
        raise DoNotRetry(error) if code == DO_NOT_RETRY else Failure(error)
    if stdout.too_large:
        message = f"stdout has more than {MAX_OUTPUT // 1024} KiB"
        raise Failure({"type": "output", "message": message, "exit_code": 0, "stderr": stderr})
    return _parsed(bytes(stdout.kept).decode("utf-8", "replace"))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return clean(text).strip() or None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
