"""A taskyard command on a machine whose clock is wrong: python -m support.skewed SECONDS SINCE COMMAND …

SINCE is a file: wrong once that is there.
"""

import sys
import time
from pathlib import Path

right_time = time.time
OFF_S = float(sys.argv.pop(1))
SINCE = Path(sys.argv.pop(1))
time.time = lambda: right_time() + OFF_S * SINCE.exists()

from taskyard.cli import main  # noqa: E402 -- whoever asks for the time from here on gets the wrong one

if __name__ == "__main__":
    main()
