"""`pip install .` brings every file of the package: the pages' files and templates too."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SCRAPS = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel made from a copy of the project: building leaves scraps behind."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(PROJECT / "src", folder / "src", ignore=SCRAPS)
    for name in ("setup.cfg", "pyproject.toml", "requirements.in", "README.md"):
        shutil.copy(PROJECT / name, folder / name)
    made = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", "out", "."],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    [path] = (folder / "out").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_every_file_of_the_package_is_in_the_wheel(wheel: set[str]) -> None:
    package = PROJECT / "src" / "taskyard"
    files = {path.relative_to(package.parent) for path in package.rglob("*") if path.is_file()}
    wanted = {
        path.as_posix() for path in files if not any(part.startswith((".", "__pycache__")) for part in path.parts)
    }
    assert wanted - wheel == set()


def test_the_pages_files_come_with_their_licences(wheel: set[str]) -> None:
    for folder in ("swagger-ui", "redoc"):
        assert f"taskyard/web/static/{folder}/LICENSE" in wheel
