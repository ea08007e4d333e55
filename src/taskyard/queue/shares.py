"""Fair shares of a queue (stride scheduling): decided when a task comes into the line, so that a claim need not.

Each key has a pass, which grows by a stride with every task of it; the line is ordered by pass. A key of weight 4 takes
strides of a quarter, so four of its tasks stand where another has one. A key that was away begins where the head is.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, text, tuple_

from taskyard.core.types import Instant
from taskyard.queue.limit_tables import share
from taskyard.queue.tables import ready

STRIDE = 1_000_000  # of a key that weighs 1
SLICE = 500

Line = tuple[str, int]  # queue and lane

# Nobody's pass is below the head of the line; where the line is empty, below the key that has got furthest.
_FLOOR = """
        (SELECT ready.pass FROM ready WHERE queue = :queue AND lane = :lane ORDER BY ready.pass, ready.seq LIMIT 1),
        (SELECT max(share.pass) FROM share WHERE queue = :queue AND lane = :lane),
        0
"""
_CHARGE = text(
    f"""
    WITH line AS (SELECT coalesce(CAST(:floor AS bigint), {_FLOOR}) AS pass)
    INSERT INTO share (queue, lane, key, pass)
    SELECT CAST(:queue AS text), CAST(:lane AS smallint), CAST(:key AS text), line.pass + CAST(:charge AS bigint)
    FROM line WHERE true
    ON CONFLICT (queue, lane, key) DO UPDATE SET pass = CASE
        WHEN share.pass + CAST(:charge AS bigint) > excluded.pass THEN share.pass + CAST(:charge AS bigint)
        ELSE excluded.pass
    END
    RETURNING pass
    """  # constants
)
_LOWEST = text(f"SELECT coalesce({_FLOOR})")
_BE_FAIR = text(
    "INSERT INTO queue (name, fair, version, created_at, updated_at) VALUES (:name, true, 0, :now, :now)"
    " ON CONFLICT (name) DO UPDATE SET fair = true"
).bindparams(bindparam("now", type_=Instant))
_head = (
    select(ready.c["pass"])
    .where(ready.c.queue == share.c.queue, ready.c.lane == share.c.lane)
    .order_by(ready.c["pass"], ready.c.seq)
    .limit(1)
    .correlate(share)
    .scalar_subquery()
)
_other = share.alias()
_furthest = (
    select(func.max(_other.c["pass"]))
    .where(_other.c.queue == share.c.queue, _other.c.lane == share.c.lane)
    .correlate(share)
    .scalar_subquery()
)
# The furthest one is kept, as it tells where an empty line has got to.
_BEHIND = (
    select(share.c.queue, share.c.lane, share.c.key)
    .where(share.c["pass"] < _furthest, share.c["pass"] <= func.coalesce(_head, _furthest))
    .limit(SLICE)
    .with_for_update(skip_locked=True, of=share)
)


def be_fair(connection: Connection, queue: str, now: datetime) -> None:
    """From now on each task that comes into this queue is charged to its key."""
    connection.execute(_BE_FAIR, {"name": queue, "now": now})


def charge(connection: Connection, wanted: list[tuple[Line, str]], weights: dict[str, dict[str, int]]) -> list[int]:
    """The pass of each task, in their order; `wanted` tells its line and key, `weights` those of the queue's keys."""
    members: dict[tuple[Line, str], list[int]] = defaultdict(list)
    for index, one in enumerate(wanted):
        members[one].append(index)
    keys = Counter(line for line, _ in members)
    # Where several keys come at once, none begins behind what another has just been charged.
    floors = {line: floor(connection, line) for line, number in sorted(keys.items()) if number > 1}
    passes = [0] * len(wanted)
    for line, key in sorted(members):  # in one order everywhere, so that no two wait for one another
        indexes = members[line, key]
        step = stride(weights[line[0]], key)
        values = {"key": key, "charge": step * len(indexes), "floor": floors.get(line)}
        reached: int = connection.execute(_CHARGE, {"queue": line[0], "lane": line[1], **values}).scalar_one()
        first = reached - step * len(indexes)
        for turn, index in enumerate(indexes):
            passes[index] = first + turn * step
    return passes


def stride(weights: Mapping[str, int], key: str) -> int:
    """How far a task of this key moves it on, by the weights of its queue."""
    return max(1, STRIDE // weights.get(key, 1))


def floor(connection: Connection, line: Line) -> int:
    """The pass below which nothing is put into this line."""
    return int(connection.execute(_LOWEST, {"queue": line[0], "lane": line[1]}).scalar_one())


def forget(connection: Connection) -> int:
    """Remove shares that are behind the head of their line, which count as none; returns how many."""
    behind = [tuple(row) for row in connection.execute(_BEHIND)]
    if behind:
        connection.execute(delete(share).where(tuple_(share.c.queue, share.c.lane, share.c.key).in_(behind)))
    return len(behind)
