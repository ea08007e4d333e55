"""How hypothesis runs machines of many steps: for seconds in `make test`, and so often in `make machines`."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("MACHINE_TIMES", "1"))
# The same steps at each run: a test that fails by chance helps nobody.
STEADY = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
