"""`python -m bench <what>`: measures, prints, and writes bench/results/. Without a word: http. See README.md."""

import sys

from bench import blackhole, deliveries, growth, held, hooks, http, idle, memory, pickup, queue, rivals

COMMANDS = {
    "http": http.run,
    "queue": queue.run,
    "rivals": rivals.run,
    "growth": growth.run,
    "held": held.run,
    "memory": memory.run,
    "pickup": pickup.run,
    "idle": idle.run,
    "deliveries": deliveries.run,
    "blackhole": blackhole.run,
    "hooks": hooks.run,
}


def main() -> None:
    arguments = sys.argv[1:]
    name = arguments.pop(0) if arguments and not arguments[0].startswith("-") else "http"
    if name not in COMMANDS:
        sys.exit(f"There is no benchmark {name!r}: {', '.join(COMMANDS)}.")
    COMMANDS[name](arguments)


if __name__ == "__main__":
    main()
