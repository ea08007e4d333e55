"""Where each rival is installed: below a temporary folder that is kept between runs, by the pins of this folder."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
APPS = HERE / "apps"


def home(pins: Path) -> Path:
    """A folder for just these pins."""
    version = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"taskyard-bench-{pins.stem}-{version}"


def python(name: str) -> list[str]:
    """The command that runs an app of this folder with a rival's own Python, which is installed if need be."""
    pins = HERE / f"requirements-{name}.txt"
    folder = home(pins)
    if not (folder / "done").exists():
        print(f"installing {name} into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "pip"), "install", "-qqq", "--disable-pip-version-check", "-r", str(pins)])
        (folder / "done").touch()
    return [str(folder / "bin" / "python"), str(APPS / f"{name}_app.py")]


def node() -> list[str]:
    """The command that runs pg-boss, which is installed if need be."""
    folder = home(HERE / "package.json")
    if not (folder / "done").exists():
        print(f"installing pg-boss into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(HERE / "package.json", folder)
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)])
        (folder / "done").touch()
    shutil.copy(APPS / "pgboss_app.js", folder)  # node looks for modules beside the file
    return ["node", str(folder / "pgboss_app.js")]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)


def pinned(name: str) -> str:
    """The version of a rival's own package."""
    pins = (HERE / f"requirements-{name}.txt").read_text().splitlines()
    return next(pin.replace("==", " ") for pin in pins if pin.startswith(f"{name}=="))
