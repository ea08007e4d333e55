"""How hypothesis runs machines of many steps."""

from hypothesis import HealthCheck, settings

# The same steps at each run: a test that fails by chance helps nobody.
STEADY = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
