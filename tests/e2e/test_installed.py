"""`pip install` of the wheel, away from any checkout, gives a `taskyard` command that serves."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from support.server import PROJECT, answers
from support.up import Up, bare_environment

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment with the wheel in it; what it depends on is borrowed from this one."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source = copy_of_the_project(folder / "source")
    run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source)], folder)
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    [wheel] = folder.glob("taskyard-*.whl")
    run([*pip, "--python", str(python), "install", "--no-deps", str(wheel)], folder)
    borrow_dependencies(python)
    return python.parent


def copy_of_the_project(to: Path) -> Path:
    """What setuptools builds from, so that it leaves no build/ in the checkout."""
    listed = ["README.md", "LICENSE", "setup.cfg", "pyproject.toml", "requirements.in", "src"]
    to.mkdir()
    ignored = ("--exclude=__pycache__", "--exclude=*.egg-info")
    pack = subprocess.Popen(["tar", "-c", *ignored, *listed], cwd=PROJECT, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x"], cwd=to, stdin=pack.stdout, check=True)
    assert pack.stdout is not None
    pack.stdout.close()
    assert pack.wait() == 0
    return to


def borrow_dependencies(python: Path) -> None:
    """Let that environment import from this one, but for an editable taskyard."""
    site = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    path = python.parent.parent / site / "borrowed.pth"
    path.write_text(sysconfig.get_path("purelib") + "\n")


def run(argv: list[str], folder: Path) -> str:
    ended = subprocess.run(
        argv, cwd=folder, env=bare_environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_command_serves_the_api_and_its_pages(installed: Path, tmp_path: Path) -> None:
    up = Up(tmp_path, [str(installed / "taskyard"), "up"])
    up.start(cwd=tmp_path)
    try:
        up.wait_until_ready()
        assert answers(f"{up.url}/openapi.json")
        assert answers(f"{up.url}/docs")
        assert answers(f"{up.url}/redoc")
    finally:
        assert up.stop() == 0, up.output()


def test_it_is_the_installed_package_that_is_run(installed: Path, tmp_path: Path) -> None:
    where = run([str(installed / "python"), "-c", "import taskyard; print(taskyard.__file__)"], tmp_path)
    assert str(installed.parent) in where
