"""Ids and keys in paths: what is no UUID is no path of ours, and so a 404."""

from typing import Any

from flask import Flask
from werkzeug.routing import BaseConverter, PathConverter

from taskyard.web.blueprint import Api


class IdConverter(BaseConverter):
    regex = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> Any:
        return value.lower()


class KeyConverter(PathConverter):
    """Anything, slashes too, but what ends as the deeds on a key do."""

    regex = r"[^/].*?(?<!/pause)(?<!/resume)"


def register(app: Flask, api: Api) -> None:
    app.url_map.converters["id"] = IdConverter
    app.url_map.converters["key"] = KeyConverter
    api.register_converter(IdConverter, lambda _: {"type": "string", "format": "uuid"})
    api.register_converter(KeyConverter, lambda _: {"type": "string"})
