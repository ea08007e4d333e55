"""The composition root: the only module that knows every other."""

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any

import flask
from flask import Flask
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

from taskyard import config as settings
from taskyard.commands import catalogue
from taskyard.commands import docs as command_docs
from taskyard.commands import routes as commands
from taskyard.config import Config
from taskyard.core import clock, logs
from taskyard.core.crypto import Signer
from taskyard.core.db import attach, db, engine_binds
from taskyard.events import openapi as event_docs
from taskyard.events import routes as events
from taskyard.inbox import hook_routes as hooks
from taskyard.inbox import request_routes as requests_received
from taskyard.inbox import source_routes as sources
from taskyard.outbox import delivery_routes as deliveries
from taskyard.outbox import routes as endpoints
from taskyard.queue import marks
from taskyard.schedules import routes as schedules
from taskyard.tasks import command_routes as command_tasks
from taskyard.tasks import dead_routes as dead
from taskyard.tasks import group_routes as groups
from taskyard.tasks import lease_routes as leases
from taskyard.tasks import limit_key_routes as limit_keys
from taskyard.tasks import operation_routes as operations
from taskyard.tasks import queue_routes as queues
from taskyard.tasks import routes as tasks
from taskyard.tasks import worker_routes as workers
from taskyard.users import key_routes as keys
from taskyard.users import routes as users
from taskyard.users import token_routes as tokens
from taskyard.users.access_tokens import AccessTokens
from taskyard.users.authentication import Authenticator
from taskyard.users.tokens import Issuer
from taskyard.web import auth, converters, cors, docs, health, later, problems, requests
from taskyard.web.blueprint import Api
from taskyard.web.edge import Edge
from taskyard.web.whole import Request

BLUEPRINTS = (
    tasks.blp,
    commands.blp,
    command_tasks.blp,
    groups.blp,
    dead.blp,
    operations.blp,
    leases.blp,
    schedules.blp,
    sources.blp,
    requests_received.blp,
    events.blp,
    endpoints.blp,
    deliveries.blp,
    queues.blp,
    limit_keys.blp,
    workers.blp,
    users.blp,
    users.profile_blp,
    keys.blp,
    tokens.blp,
    health.blp,
)


class NoSessions(SessionInterface):
    """Nobody has one: who calls is told by a header each time."""

    def __init__(self) -> None:
        self._none = NullSession()  # refuses to be written

    def open_session(self, app: Flask, request: flask.Request) -> NullSession:
        return self._none


class App(Flask):
    """Flask, less what this app never needs at each request."""

    request_class = Request
    session_interface = NoSessions()

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        if request is None:
            return super().create_url_adapter(request)
        sent = request.environ  # no URL is built from the Host header, so it need not be taken apart
        path = sent["PATH_INFO"].encode("latin-1").decode(errors="replace")
        where = (sent.get("SCRIPT_NAME") or "/", "", sent["wsgi.url_scheme"], path, sent["REQUEST_METHOD"])
        return MapAdapter(self.url_map, "", *where, sent.get("QUERY_STRING"))

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # no view is async; asking that of each costs more than calling it


def _extended(spec: dict[str, Any]) -> dict[str, Any]:
    """What the routes cannot know of the description: commands, and what endpoints receive."""
    return event_docs.add(command_docs.extended(spec))


def create_app(config: Config | None = None) -> Flask:
    """The whole of Taskyard as a WSGI app; the settings come from the environment unless given."""
    config = config or settings.from_env()
    logs.configure(config.log_level)
    app = App("taskyard", instance_path=str(config.instance), static_folder=None)
    app.config.update(
        SQLALCHEMY_BINDS=engine_binds(config.database_url),
        MAX_CONTENT_LENGTH=config.max_body,
        API_TITLE="Taskyard",
        API_VERSION="1.0",
        OPENAPI_VERSION="3.1.0",
        MAX_FORM_MEMORY_SIZE=config.max_body,
    )
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # it redirects to whatever the Host header says
    db.init_app(app)
    with app.app_context():
        database = attach(db.engines[None], db.engines["read"])
    app.extensions["taskyard.config"] = config
    app.extensions["taskyard.database"] = database
    app.extensions["taskyard.cursors"] = Signer(config.secret, "cursors")
    app.extensions["taskyard.fingerprints"] = Signer(config.secret, "fingerprints")
    timekeeper = clock.Timekeeper(database.read, Event())
    app.extensions["taskyard.background"] = [timekeeper.run, partial(marks.keep_true, database, Event())]
    app.extensions["taskyard.begins_after"] = timekeeper.measured
    access_tokens = AccessTokens(Signer(config.secret, "access-tokens").key, config.access_token_s)
    app.extensions["taskyard.issuer"] = Issuer(database, access_tokens, config.refresh_token_s)
    authenticator = Authenticator(database, access_tokens, cache_s=config.key_cache_s)
    app.extensions["taskyard.authenticator"] = authenticator

    problems.register(app)
    cors.register(app, config.cors_origins)
    requests.register(app)
    later.register(app)
    auth.register(app, authenticator)
    api = Api(app)
    converters.register(app, api)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(hooks.blp)
    if config.docs:
        docs.register(app, api, extend=_extended, revision=catalogue.newest_revision)
    app.wsgi_app = Edge(app.wsgi_app, access_log=config.access_log).answer  # type: ignore[method-assign]
    return app
