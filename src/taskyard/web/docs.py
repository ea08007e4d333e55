"""What shows the API to people and to their tools: /openapi.json, /docs (Swagger UI) and /redoc."""

from collections.abc import Callable

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request

from taskyard.web.assets import Assets
from taskyard.web.auth import public
from taskyard.web.blueprint import Api
from taskyard.web.description import Description, Spec

# Swagger UI and Redoc put style elements into the page; scripts come from files only.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def register(
    app: Flask,
    api: Api,
    *,
    extend: Callable[[Spec], Spec] = lambda spec: spec,
    revision: Callable[[], int] = lambda: 0,
) -> None:
    """Serve the description and its pages.

    What this layer cannot know (the schemas of registered commands) comes in through `extend`, which gets the OpenAPI
    document made from the routes, adds paths, schemas and tags to it and returns it. Its result is kept as bytes until
    `revision` returns another number.
    """
    description = Description(api, extend, revision)
    blp = Blueprint("docs", __name__, template_folder="templates")
    assets = Assets()

    @blp.get("/openapi.json")
    @public
    def openapi() -> Response:
        document = description.current()
        response = Response(document.body, content_type="application/json")
        response.set_etag(document.etag)
        response.headers["Cache-Control"] = "no-cache"  # kept, but asked for again each time
        response.make_conditional(request)
        return response

    @blp.get("/docs")
    @public
    def swagger() -> Response:
        return _page("docs.html", assets)

    @blp.get("/redoc")
    @public
    def redoc() -> Response:
        return _page("redoc.html", assets)

    @blp.get("/")
    @public
    def home() -> Response:
        return make_response(redirect("/docs"))

    @blp.get("/static/<version>/<path:name>")
    @public
    def static(version: str, name: str) -> Response:
        return assets.send(version, name)

    app.register_blueprint(blp)


def _page(template: str, assets: Assets) -> Response:
    response = make_response(render_template(template, asset=assets.url))
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["Cache-Control"] = "no-cache"
    return response
