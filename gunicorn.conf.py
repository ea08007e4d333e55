"""gunicorn reads this file by itself; the settings live in the package so that an installed Taskyard has them too."""

from taskyard.web.gunicorn_settings import *  # noqa: F403
