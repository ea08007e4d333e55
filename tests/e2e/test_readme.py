"""The README's first page, line by line, as a new user types it into a fresh copy of the project."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

from support.server import PROJECT, answers, free_port
from support.source import own_files
from support.up import Up, bare_environment

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not shutil.which("curl"), reason="the README's session takes curl"),
    pytest.mark.skipif(not shutil.which("make"), reason="the README's session takes make"),
]
LEFT_OUT = shutil.ignore_patterns(".*", "instance", "build", "dist", "bench", "__pycache__", "*.egg-info")
TOKEN = "TASKYARD_TOKEN=$(cat instance/admin.token); "
WITHIN_S = 120.0


def session() -> list[str]:
    """The commands of the first block of the README, without their comments."""
    block = re.search(r"```\n(.+?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    return [re.sub(r"\s+# .*", "", line) for line in block[1].splitlines()]


class Newcomer:
    """Somebody with a fresh copy of the project and a shell; the port is theirs alone, the text is the README's."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.up = Up(home, ["make", "run"], TASKYARD_INSTANCE="instance", PATH=bare_path())
        self.up.env["TASKYARD_URL"] = self.up.url

    def shell(self, line: str) -> list[str]:
        ours = line.replace("localhost:8000", f"localhost:{self.up.port}")
        return ["bash", "-euo", "pipefail", "-c", ours]

    def runs(self, line: str) -> Any:
        ended = subprocess.run(
            self.shell(TOKEN + line), cwd=self.home, env=self.up.env, capture_output=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr.decode()
        return json.loads(ended.stdout)


def bare_path() -> str:
    """Without the environment that runs this test: on Debian there is no `python` then, only `python3`."""
    here = str(Path(sys.executable).parent)
    return os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if folder != here)


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    home = tmp_path / "taskyard"
    shutil.copytree(PROJECT, home, ignore=LEFT_OUT)
    (home / "instance").mkdir()
    # What `make run` would download is borrowed; it still makes its own environment current and installs the project.
    venv.create(home / ".venv")
    [site] = (home / ".venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = home / ".venv" / "bin" / "pip"
    pip.write_text(f"#!{pip.with_name('python')}\nfrom pip import main\nraise SystemExit(main())\n")
    pip.chmod(0o755)
    return Newcomer(home)


def test_the_first_page_is_true_line_by_line(newcomer: Newcomer) -> None:
    make_run, export, submit, work, show, make_test = session()
    newcomer.up.argv = newcomer.shell(f"exec {make_run}")
    newcomer.up.start(cwd=newcomer.home)
    try:
        newcomer.up.wait_until_ready(WITHIN_S)
        assert answers(f"{newcomer.up.url}/docs")
        assert f"export {TOKEN.rstrip('; ')}" == export
        task = newcomer.runs(submit)
        assert (task["status"], task["priority"], task["payload"]) == ("queued", "high", {"width": 200})
        with working(newcomer, work):
            ended = wait_for(newcomer, show.replace("<id>", task["id"]))
        assert ended["status"] == "succeeded"
        assert ended["result"]["width"] == 200
        assert_make_knows(newcomer, make_test)
    finally:
        stop(newcomer.up)
        print(newcomer.up.output())


class working:  # noqa: N801  # reads as a context
    """A worker in another terminal."""

    def __init__(self, newcomer: Newcomer, line: str) -> None:
        self.newcomer, self.argv = newcomer, newcomer.shell(f"{TOKEN}export TASKYARD_TOKEN; exec {line}")

    def __enter__(self) -> None:
        self.process = subprocess.Popen(self.argv, cwd=self.newcomer.home, env=self.newcomer.up.env)

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


def wait_for(newcomer: Newcomer, show: str) -> Any:
    """Read the task again and again, as a person would, until it has ended."""
    for _ in range(200):
        task = newcomer.runs(show)
        if task["finished_at"] is not None:
            return task
    raise AssertionError(task)


def assert_make_knows(newcomer: Newcomer, make_test: str) -> None:
    """`make test` is what runs this test, so here it is only asked what it would do."""
    ended = subprocess.run(
        [*make_test.split(), "--dry-run"], cwd=newcomer.home, env=newcomer.up.env, capture_output=True, check=True
    )
    assert b"pip install" in ended.stdout
    assert b"pytest" in ended.stdout


def stop(up: Up) -> None:
    """Ctrl-C in the terminal: it reaches make and what it started."""
    if up.running:
        assert up.process is not None
        os.killpg(up.process.pid, signal.SIGINT)
        up.wait()


def test_a_python_that_is_too_old_is_said_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9, 2); $2"\n')
    old.chmod(0o755)
    said = make(tmp_path, str(old))
    assert said.splitlines()[0].startswith("Taskyard needs Python 3.11 or newer; this is 3.9.")


def test_a_python_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    assert make(tmp_path, "python3.99").startswith("There is no python3.99.")


def make(tmp_path: Path, python: str) -> str:
    """What `make run` says with this Python, where it refuses."""
    ended = subprocess.run(
        ["make", "run", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"],
        cwd=PROJECT,
        env=bare_environment(PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    assert not (tmp_path / "venv").exists()
    return ended.stderr


def test_the_examples_of_the_readme_are_there() -> None:
    assert PROJECT / "examples" / "resize.py" in set(own_files())
