"""The settings: read once from the environment into one frozen object; nonsense is refused at the start.

docs/configuration.md explains each; a test holds the two together.
"""

import re
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from environs import Env
from marshmallow import ValidationError, validate
from sqlalchemy.exc import ArgumentError

from taskyard.core import allowed
from taskyard.core.crypto import secret_key
from taskyard.core.db import normalise
from taskyard.listening import ConfigError, seal

ORIGIN = re.compile(r"\*|https?://[^/?#\s]+")
BODY = validate.Range(1024, 64 * 1024 * 1024)
KEPT = validate.Range(0, 100 * 366 * 86_400)  # a hundred years
Network = IPv4Network | IPv6Network
LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]


@dataclass(frozen=True)
class Config:
    instance: Path  # TASKYARD_INSTANCE
    database_url: str  # DATABASE_URL
    secret: bytes  # TASKYARD_SECRET_KEY, else instance/secret.key
    log_level: str = "INFO"
    access_log: bool = True
    closed_catalogue: bool = False
    docs: bool = True
    cors_origins: tuple[str, ...] = ()
    max_body: int = 2 * 1024 * 1024  # bytes
    max_batch_body: int = 16 * 1024 * 1024  # bytes; of POST /v1/tasks/batch
    access_token_s: int = 900
    refresh_token_s: int = 30 * 86_400
    key_cache_s: float = 5.0
    idempotency_s: int = 86_400
    keep_succeeded_s: int = 7 * 86_400  # 0: for ever
    keep_failed_s: int = 30 * 86_400
    keep_cancelled_s: int = 7 * 86_400
    keep_expired_s: int = 7 * 86_400
    keep_lost_s: int = 30 * 86_400
    keep_requests_s: int = 30 * 86_400
    trusted_proxies: tuple[Network | str, ...] = ()
    keep_events_s: int = 30 * 86_400
    keep_deliveries_s: int = 7 * 86_400
    keep_attempts_s: int = 7 * 86_400
    egress_allow: tuple[str, ...] = ()  # hosts and networks
    egress_http: bool = False
    egress_metadata: bool = False
    admin_email: str = "admin@localhost.localdomain"

    @property
    def keep_s(self) -> dict[str, int]:
        """Seconds that ended tasks are kept, by their outcome; 0 keeps them for ever."""
        return {
            "succeeded": self.keep_succeeded_s,
            "failed": self.keep_failed_s,
            "cancelled": self.keep_cancelled_s,
            "expired": self.keep_expired_s,
            "lost": self.keep_lost_s,
        }

    @property
    def keep_sent_s(self) -> dict[str, int]:
        """The same for what goes out."""
        return {
            "events": self.keep_events_s,
            "deliveries": self.keep_deliveries_s,
            "attempts": self.keep_attempts_s,
        }


def _check_origins(origins: list[str]) -> None:
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ValidationError(f"{origin!r} is no origin such as https://example.com, nor *.")


def _proxy(text: str) -> Network | str:
    return text if text == "unix" else ip_network(text)


def _check_proxies(proxies: list[str]) -> None:
    for text in proxies:
        try:
            _proxy(text)
        except ValueError as error:
            raise ValidationError(f"{text!r} is no address, no network such as 10.0.0.0/8, and not unix.") from error


def _check_allowed(entries: list[str]) -> None:
    try:
        allowed.parse(entries)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def from_env(**overrides: Any) -> Config:
    """The settings of this process.

    Raises:
        ConfigError: a variable does not hold what it should.
    """
    env = Env(eager=False)
    instance = Path(env.str("TASKYARD_INSTANCE", "instance")).resolve()
    with env.prefixed("TASKYARD_"):
        found: dict[str, Any] = {
            "secret": env.str("SECRET_KEY", None, validate=validate.Length(min=32)),
            "log_level": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(LEVELS)),
            "access_log": env.bool("ACCESS_LOG", True),
            "closed_catalogue": env.bool("CLOSED_CATALOGUE", False),
            "docs": env.bool("DOCS", True),
            "cors_origins": tuple(env.list("CORS_ORIGINS", [], subcast=str.strip, validate=_check_origins) or []),
            "max_body": env.int("MAX_BODY", Config.max_body, validate=BODY),
            "max_batch_body": env.int("MAX_BATCH_BODY", Config.max_batch_body, validate=BODY),
            "access_token_s": env.int("ACCESS_TOKEN_S", Config.access_token_s, validate=validate.Range(60, 86_400)),
            "refresh_token_s": env.int("REFRESH_TOKEN_S", Config.refresh_token_s, validate=validate.Range(60)),
            "key_cache_s": env.float("KEY_CACHE_S", Config.key_cache_s, validate=validate.Range(0, 60)),
            "idempotency_s": env.int("IDEMPOTENCY_S", Config.idempotency_s, validate=validate.Range(60)),
            "keep_succeeded_s": env.int("KEEP_SUCCEEDED_S", Config.keep_succeeded_s, validate=KEPT),
            "keep_failed_s": env.int("KEEP_FAILED_S", Config.keep_failed_s, validate=KEPT),
            "keep_cancelled_s": env.int("KEEP_CANCELLED_S", Config.keep_cancelled_s, validate=KEPT),
            "keep_expired_s": env.int("KEEP_EXPIRED_S", Config.keep_expired_s, validate=KEPT),
            "keep_lost_s": env.int("KEEP_LOST_S", Config.keep_lost_s, validate=KEPT),
            "keep_requests_s": env.int("KEEP_REQUESTS_S", Config.keep_requests_s, validate=KEPT),
            "trusted_proxies": env.list("TRUSTED_PROXIES", [], subcast=str.strip, validate=_check_proxies) or [],
            "keep_events_s": env.int("KEEP_EVENTS_S", Config.keep_events_s, validate=KEPT),
            "keep_deliveries_s": env.int("KEEP_DELIVERIES_S", Config.keep_deliveries_s, validate=KEPT),
            "keep_attempts_s": env.int("KEEP_ATTEMPTS_S", Config.keep_attempts_s, validate=KEPT),
            "egress_allow": tuple(env.list("EGRESS_ALLOW", [], subcast=str.strip, validate=_check_allowed) or []),
            "egress_http": env.bool("EGRESS_HTTP", False),
            "egress_metadata": env.bool("EGRESS_METADATA", False),
            "admin_email": env.str("ADMIN_EMAIL", Config.admin_email, validate=validate.Email()),
        }
    database_url = env.str("DATABASE_URL", f"sqlite:///{instance / 'taskyard.db'}")
    seal(env)
    _check_database_url(database_url)
    secret = found.pop("secret")
    found["trusted_proxies"] = tuple(map(_proxy, found["trusted_proxies"]))
    found |= {
        "instance": instance,
        "database_url": database_url,
        "secret": secret.encode() if secret else secret_key(instance / "secret.key"),
    }
    return Config(**{**found, **overrides})


def _check_database_url(given: str) -> None:
    try:
        url = normalise(given)
    except ArgumentError as error:
        raise ConfigError("DATABASE_URL is not a URL such as postgresql://user:password@host/name.") from error
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(f"DATABASE_URL names {url.get_backend_name()}; Taskyard runs on sqlite and postgresql.")
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ConfigError("DATABASE_URL names no file; several processes share it: sqlite:////path/to/taskyard.db.")


NAMES = [field.name for field in fields(Config)]
