"""The files of web/static: served under a version made from their content, so that browsers may keep them for good."""

import hashlib
from pathlib import Path

from flask import Response, send_from_directory

FOLDER = Path(__file__).with_name("static")
YEAR_S = 365 * 86_400


class Assets:
    """What is in web/static, as this process found it."""

    def __init__(self) -> None:
        content = hashlib.sha256()
        for path in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
            content.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
        self.version = content.hexdigest()[:12]

    def url(self, name: str) -> str:
        return f"/static/{self.version}/{name}"

    def send(self, version: str, name: str) -> Response:
        """A file. Of another version (two releases run side by side) it must not be kept.

        Raises:
            werkzeug's NotFound: there is no such file.
        """
        response = send_from_directory(FOLDER, name)
        keep = f"public, max-age={YEAR_S}, immutable" if version == self.version else "no-cache"
        response.headers["Cache-Control"] = keep
        return response
