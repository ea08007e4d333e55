"""flask-smorest's blueprint and API with our parser, our errors and the documentation of both."""

import copy
import inspect
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import flask_smorest
from flask.views import MethodView as FlaskMethodView

from taskyard.web import properties, refusals
from taskyard.web.auth import PUBLIC
from taskyard.web.documented import Notes, notes
from taskyard.web.parser import StrictParser
from taskyard.web.schema import Problem


class MethodView(FlaskMethodView):
    init_every_request = False  # views hold no state


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """A blueprint whose routes document what they ask for and what they may refuse."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_doc_cbks.append(self._prepare_edge_doc)

    def _store_endpoint_docs(self, endpoint: str, obj: Any, parameters: Any, tags: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, obj, parameters, tags, **options)
        for method, info in self._docs[endpoint].items():
            if method != "parameters":
                view = getattr(obj, method) if isinstance(obj, type) else obj
                info["required_scope"] = getattr(view, "required_scope", None)
                info["notes"] = notes(view)
                info["operation_id"] = f"{method}{obj.__name__}" if isinstance(obj, type) else obj.__name__

    def register_views_in_doc(self, api: "Api", *args: Any, **kwargs: Any) -> None:
        """Put off until the description is asked for: it takes longer than all else at the start."""
        api.put_off(partial(super().register_views_in_doc, api, *args, **kwargs))

    @staticmethod
    def _prepare_edge_doc(doc: dict[str, Any], info: dict[str, Any], *, method: str, **_: Any) -> dict[str, Any]:
        """Security, the refusals that this layer itself may answer, and a stable operation id."""
        wanted, noted = info["required_scope"], info["notes"]
        doc["operationId"] = info["operation_id"]
        doc["security"] = [] if wanted == PUBLIC else [{"key": []}, {"password": [wanted]}]
        if noted.parameters:
            doc["parameters"] = [*doc.get("parameters", []), *noted.parameters]
        responses = doc.setdefault("responses", {})
        for status, response in responses.items():
            if int(status) < 300 and noted.headers:
                response["headers"] = {**response.get("headers", {}), **noted.headers}
        for status in _refusals(doc, wanted, noted):
            if not isinstance(responses.get(status), dict):
                responses[status] = refusals.name(status)
        return doc


def _refusals(doc: dict[str, Any], wanted: str, noted: Notes) -> list[int]:
    statuses = [500, 503, *noted.refusals]
    if "requestBody" in doc:
        statuses += [413, 415, 422]
    if doc.get("parameters"):
        statuses += [422]
    if wanted != PUBLIC:
        statuses += [401, 403]
    return statuses


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest ships no types
    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._put_off: list[Callable[[], None]] = []
        super().__init__(*args, **kwargs)

    def put_off(self, describe: Callable[[], None]) -> None:
        self._put_off.append(describe)

    def _register_error_handlers(self) -> None:
        """web/problems.py answers errors; flask-smorest's handler would drop Allow and Retry-After."""

    def _register_responses(self) -> None:
        """Every refusal as a named response, and the corrections to what apispec says of fields."""
        self.ma_plugin.converter.add_attribute_function(properties.corrected)
        for name, response in refusals.responses().items():
            self.spec.components.response(name, response, lazy=True)

    def described(self) -> dict[str, Any]:
        """The document made from the routes, with each schema's docstring as its description."""
        with self._lock:
            while self._put_off:
                self._put_off.pop(0)()
        spec: dict[str, Any] = copy.deepcopy(self.spec.to_dict())
        for key, name in self.ma_plugin.converter.refs.items():
            spec["components"]["schemas"][name].setdefault("description", inspect.getdoc(key[0]))
        return spec
