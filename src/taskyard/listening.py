"""Where the web server listens. gunicorn's master reads these settings, so they import little (see web/kinds.py)."""

import re
from dataclasses import dataclass

from environs import Env, EnvValidationError
from marshmallow import validate

ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>\d{1,5}))?")


class ConfigError(Exception):
    """A setting cannot be used; the message names it."""


@dataclass(frozen=True)
class Listening:
    """Where the web server listens, and with how many processes."""

    addresses: tuple[str, ...]  # host:port, [host]:port or unix:path
    workers: int


def listening() -> Listening:
    """What TASKYARD_BIND, PORT and WEB_CONCURRENCY say: this machine alone, unless told otherwise.

    Raises:
        ConfigError: one of them does not hold what it should.
    """
    env = Env(eager=False)
    port = env.int("PORT", 8000, validate=validate.Range(1, 65_535))
    workers = env.int("WEB_CONCURRENCY", 1, validate=validate.Range(1, 256))
    given = env.list("TASKYARD_BIND", ["127.0.0.1"], validate=[validate.Length(min=1), validate.ContainsNoneOf([""])])
    seal(env)
    return Listening(tuple(_address(one.strip(), str(port)) for one in given), workers)


def _address(given: str, port: str) -> str:
    found = ADDRESS.fullmatch(given)
    if given.startswith("unix:/"):
        return given
    if found is None:
        raise ConfigError(
            f"A setting cannot be used. TASKYARD_BIND: {given!r} is no host:port, [host]:port or unix:/path."
        )
    return f"{found['host']}:{found['port'] or port}"


def seal(env: Env) -> None:
    try:
        env.seal()
    except EnvValidationError as error:
        faults: dict[str, list[str]] = error.error_messages  # type: ignore[assignment]  # typed for one variable only
        sentences = " ".join(f"{name}: {' '.join(found)}" for name, found in faults.items())
        raise ConfigError(f"A setting cannot be used. {sentences}") from error
