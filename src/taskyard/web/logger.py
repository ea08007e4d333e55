"""gunicorn's own lines in the same JSON as all others."""

import logging

from gunicorn.config import Config
from gunicorn.glogging import Logger as GunicornLogger

from taskyard.core import logs


class Logger(GunicornLogger):
    """Hands everything to the root logger; the app sets its level when it is made."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True
        if not logging.getLogger().handlers:
            logs.configure("INFO")
