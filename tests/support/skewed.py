"""A taskyard command on a machine whose clock is wrong: python -m support.skewed SECONDS COMMAND …"""

import sys
import time

right_time = time.time
OFF_S = float(sys.argv.pop(1))
time.time = lambda: right_time() + OFF_S

from taskyard.cli import main  # noqa: E402 -- whoever asks for the time from here on gets the wrong one

if __name__ == "__main__":
    main()
