"""`python -m bench hooks`: how soon webhooks that come in by the clock are answered, and how many can be taken."""

import argparse
import hashlib
import hmac
import json
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench import openloop, options, plot, report
from bench.caller import percentile
from bench.databases import KEY, source
from bench.measure import Meter
from bench.openloop import Answers
from bench.servers import TASKYARD, Server, serving

PER_S = 300
GOAL_MS = 50.0
OPEN, CLOSED = 200, 32  # connections
WARM_UP = 300
SECRET = "the secret of the benchmark"
SOURCE = {
    "preset": "github",
    "secrets": [{"secret": SECRET}],
    "routes": [{"command": "build", "payload": "{ref: body.ref, repository: body.repository.full_name}"}],
}


@dataclass(frozen=True)
class Found:
    by_clock: Answers
    most: Answers
    cpu_us: float  # of the server, for each request that came by the clock


def _add(parser: argparse.ArgumentParser) -> None:
    options.add_databases(parser)
    parser.add_argument("--seconds", type=float, help="of the load by the clock; by default 30, or 5 if quick")
    parser.add_argument("--per-s", type=float, default=PER_S, help=f"requests a second; by default {PER_S}")


COMMAND = options.Command("hooks", __doc__, "2 minutes", "half a minute", _add)


def run(arguments: list[str]) -> None:
    chosen = COMMAND.read(arguments)
    seconds = chosen.seconds or (5 if chosen.quick else 30)
    found: dict[str, Found] = {}
    for kind in options.databases(chosen):
        with tempfile.TemporaryDirectory(prefix="bench-") as name, source(kind, Path(name), None) as databases:
            with serving(TASKYARD, databases.new(), Path(name)) as server:
                found[databases.name] = one = _load(server, chosen.per_s, seconds)
            p99 = percentile(one.by_clock.took_ms, 99)
            print(f"{databases.name:12} p99 {p99:5.1f} ms, at most {one.most.per_s:6,.0f}/s", flush=True)
    text = _markdown(found, chosen.per_s, chosen.command)
    report.publish_text("hooks", text, lambda path: _draw(found, path), write=not chosen.quick)


def _load(server: Server, per_s: float, seconds: float) -> Found:
    _make_source(server)
    count = int(per_s * seconds)
    requests = [_request(number) for number in range(WARM_UP + 2 * count)]
    openloop.load(server.port, requests[:WARM_UP], None, CLOSED)
    meter = Meter(server, None)
    by_clock = openloop.load(server.port, requests[WARM_UP : WARM_UP + count], per_s, OPEN)
    cpu_us, _ = meter.per_one(count)
    most = openloop.load(server.port, requests[WARM_UP + count :], None, CLOSED)
    if by_clock.bad or most.bad:
        raise RuntimeError(f"{by_clock.bad + most.bad} requests were not accepted.")
    return Found(by_clock, most, cpu_us)


def _make_source(server: Server) -> None:
    asked = urllib.request.Request(
        server.url("/v1/sources/github"),
        json.dumps(SOURCE).encode(),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(asked):
        pass


def _request(number: int) -> bytes:
    """A push as GitHub tells of it, with an id of its own; some of what GitHub says is left out."""
    commit = {"id": f"{number:040x}", "message": "Mend the pipeline", "author": {"name": "Ann", "username": "ann"}}
    event = {
        "ref": "refs/heads/main",
        "after": f"{number:040x}",
        "repository": {"id": 1296269, "full_name": "octocat/hello-world", "private": False},
        "pusher": {"name": "ann", "email": "ann@example.com"},
        "commits": [commit] * 5,
        "head_commit": commit,
    }
    body = json.dumps(event).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        "POST /hooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: {number}\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nUser-Agent: GitHub-Hookshot/bench\r\n\r\n"
    )
    return head.encode() + body


def _markdown(found: dict[str, Found], per_s: float, command: str) -> str:
    rows = [
        [
            name,
            f"{len(one.by_clock.took_ms):,}",
            *(f"{percentile(one.by_clock.took_ms, p):.1f}" for p in (50, 90, 99, 100)),
            f"{one.cpu_us:.0f}",
            f"{one.most.per_s:,.0f}",
            f"{percentile(one.most.took_ms, 99):.1f}",
        ]
        for name, one in found.items()
    ]
    head = [
        "",
        "requests",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "slowest ms",
        "CPU µs each",
        "at most, a second",
        "its p99 ms",
    ]
    return (
        f"# Webhooks that come in\n\nMade by `{command}`. {report.machine()} One web process. {per_s:g} requests a"
        " second come by the clock, signed as GitHub signs; each is verified, kept, and becomes a task, in the"
        " transaction after which it is answered. The time runs from when a request was due to its answer, whatever"
        " went before it. SQLite with synchronous=FULL, PostgreSQL with its defaults. The goal is a p99 below"
        f" {GOAL_MS:.0f} ms. Then as many as can be taken, from {CLOSED} connections, each of which sends when it has"
        " been answered.\n\n"
        f"{report.table(head, rows)}"
    )


def _draw(found: dict[str, Found], path: Path) -> None:
    panels: dict[str, dict[str, plot.Line]] = {"": {}}
    for name, one in found.items():
        ordered = sorted(one.by_clock.took_ms)
        panels[""][name] = (ordered, [(n + 1) / len(ordered) * 100 for n in range(len(ordered))])
    plot.lines(panels, ("milliseconds from when it was due to its answer", "% of the requests"), path)
