"""Due times become tasks: what a dispatcher does with schedules, moment by moment."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from support.caller import Caller
from support.made import Made
from support.people import ALICE
from support.ten_minutely import PATH, put
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.core.types import instant_to_text
from taskyard.queue import ready, shares, tables
from taskyard.queue.ready import Place, gathered
from taskyard.schedules import policy, runs, sweep
from taskyard.schedules.models import Schedule

Dispatch = Callable[[], int]
WIDTH = {"payload_schema": {"type": "object", "required": ["width"]}}


def test_a_due_time_becomes_one_task_of_the_owner(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice)
    assert dispatch() == 0, "a second before noon nothing is due"
    noon.advance(1)
    assert [dispatch(), dispatch()] == [1, 0]
    [task] = made.tasks()
    shown = alice.get(f"/v1/tasks/{task.id}").json
    assert (shown["owner_id"], shown["command"], shown["payload"]) == (ALICE.id, "c", {"n": 1})
    assert (shown["priority"], shown["tags"], shown["status"]) == ("low", ["t"], "queued")
    schedule = alice.get(PATH)
    assert schedule.json["next_at"] == "2026-11-02T12:10:00.000000Z"
    assert (schedule.json["last_at"], schedule.json["last_task_id"]) == ("2026-11-02T12:00:00.000000Z", task.id)
    assert schedule.headers["ETag"] == '"v1"', "the version is of what was configured"
    assert schedule.json["updated_at"] == schedule.json["created_at"]


@pytest.mark.parametrize(
    ("missed", "limit", "expected"),
    [
        ("skip", 10, []),
        ("once", 10, ["13:00"]),
        ("all", 10, ["12:00", "12:10", "12:20", "12:30", "12:40", "12:50", "13:00"]),
        ("all", 3, ["12:40", "12:50", "13:00"]),
    ],
)
def test_after_an_hour_of_downtime(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made, missed: str, limit: int, expected: list[str]
) -> None:
    """Down from 11:59:59 to 13:05:00; 12:00, 12:10 … 13:00 came due meanwhile."""
    put(alice, missed=missed, missed_limit=limit)
    noon.advance(65 * 60 + 1)
    dispatch()
    assert made.runs() == ([(at, None) for at in expected] or [("13:00", policy.MISSED)])
    assert len(made.tasks()) == len(expected)
    assert alice.get(PATH).json["next_at"] == "2026-11-02T13:10:00.000000Z"
    noon.advance(5 * 60)
    dispatch()
    assert len(made.tasks()) == len(expected) + 1, "from then on as ever"


def test_the_owner_of_a_schedule_hears_of_what_was_missed(
    alice: Caller, bob: Caller, noon: FrozenClock, dispatch: Dispatch
) -> None:
    alice.post("/v1/endpoints", {"url": "https://example.com/hook", "event_types": ["schedule.*"]})
    put(alice, missed="skip")
    put(alice, "caught-up", missed="once")
    put(bob, "theirs", missed="skip")  # who asks for nothing
    noon.advance(65 * 60 + 1)
    dispatch()
    dispatch()
    [event] = alice.get("/v1/events").json["events"]
    assert (event["type"], event["key"]) == ("schedule.missed", "s")
    assert event["data"] == {"schedule": "s", "due_at": "2026-11-02T13:00:00.000000Z", "reason": policy.MISSED}
    assert bob.get("/v1/events").json["events"] == []


def test_what_became_of_due_times_can_be_read(
    alice: Caller, bob: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, overlap="skip")
    noon.advance(1)
    dispatch()
    noon.advance(600)
    dispatch()
    first = alice.get(f"{PATH}/runs?limit=1")
    assert first.json["runs"] == [{"due_at": "2026-11-02T12:10:00.000000Z", "task_id": None, "reason": runs.STILL_OPEN}]
    last = alice.get(first.headers["Link"].partition(">")[0].removeprefix("<"))
    task_id = made.tasks()[0].id
    assert last.json["runs"] == [{"due_at": "2026-11-02T12:00:00.000000Z", "task_id": task_id, "reason": None}]
    assert "Link" not in last.headers
    assert bob.get(f"{PATH}/runs").status_code == 404


def test_jitter_puts_a_task_off_by_what_policy_says(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, jitter_s=60)
    noon.advance(1)
    dispatch()
    [task] = made.tasks()
    assert task.run_at == policy.run_at("s", clock.now(), 60) > clock.now()
    assert alice.get(f"/v1/tasks/{task.id}").json["status"] == "scheduled"


def test_a_pause_leaves_out_what_comes_due_in_it(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, missed="all")
    alice.post(f"{PATH}/pause")
    noon.advance(1801)
    assert dispatch() == 0
    alice.post(f"{PATH}/resume")
    assert dispatch() == 0
    noon.advance(600)
    dispatch()
    assert made.runs() == [("12:40", None)]


def test_a_put_keeps_what_is_due_unless_the_times_are_others(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice)
    noon.advance(2)
    put(alice, description="at noon, before a dispatcher came by")
    dispatch()
    assert made.runs() == [("12:00", None)]
    noon.advance(600)
    put(alice, cron="15 * * * *")
    assert dispatch() == 0
    assert alice.get(PATH).json["next_at"] == "2026-11-02T12:15:00.000000Z"


def test_a_task_that_does_not_fit_any_more_is_told_and_others_go_on(
    alice: Caller, mia: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    put(alice, "a")
    put(alice, "b", task={"command": "resize", "payload": {}})
    put(alice, "c")
    mia.put("/v1/commands/resize", WIDTH)
    noon.advance(1)
    assert [dispatch(), dispatch()] == [3, 0]
    assert [len(made.tasks(name)) for name in "abc"] == [1, 0, 1]
    [(at, reason)] = made.runs("b")
    assert at == "12:00"
    assert reason is not None
    assert "/payload" in reason
    assert alice.get("/v1/schedules/b").json["last_error"] == reason
    mia.delete("/v1/commands/resize")
    noon.advance(600)
    dispatch()
    assert alice.get("/v1/schedules/b").json["last_error"] is None
    assert len(made.tasks("b")) == 1


def test_a_closed_catalogue_holds_for_schedules_too(
    alice: Caller, noon: FrozenClock, database: Database, made: Made
) -> None:
    put(alice)
    noon.advance(1)
    with transaction.own(database) as connection:
        sweep.run_due(connection, clock.now(), closed=True)
    assert made.tasks() == []
    assert "not registered" in alice.get(PATH).json["last_error"]


def test_a_schedule_whose_owner_is_gone_pauses_itself(
    ada: Caller, alice: Caller, mia: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made
) -> None:
    user = ada.post("/v1/users", {"name": "Zoe", "email": "zoe@example.com"}).json
    key = ada.post("/v1/keys", {"name": "k", "scopes": ["read", "write"], "user_id": user["id"]}).json
    put(Caller(ada.app, token=key["key"]))
    put(alice, "other")
    assert ada.delete(f"/v1/users/{user['id']}").status_code == 204
    noon.advance(1)
    dispatch()
    assert made.tasks() == []
    schedule = mia.get(PATH).json
    assert schedule["pause_reason"] == sweep.OWNER_GONE
    assert (schedule["paused_at"], schedule["next_at"]) == (instant_to_text(noon.now()), None)
    assert len(made.tasks("other")) == 1
    refused = mia.post(f"{PATH}/run")
    assert (refused.status_code, made.tasks()) == (409, [])
    assert "Its owner is gone" in refused.json["detail"]


def test_a_schedule_that_cannot_be_run_at_all_pauses_itself(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, database: Database, made: Made
) -> None:
    """Its zone is gone from this machine's data, say."""
    put(alice)
    put(alice, "other")
    with transaction.own(database) as connection:
        connection.execute(update(Schedule).where(Schedule.name == "s").values(time_zone="Atlantis/Capital"))
    noon.advance(1)
    assert [dispatch(), dispatch()] == [2, 0]
    assert "There is no such time zone." in alice.get(PATH).json["pause_reason"]
    assert alice.get(f"{PATH}/next").status_code == alice.post(f"{PATH}/resume").status_code == 409
    assert alice.get(PATH).json["paused_at"] is not None
    assert put(alice)["pause_reason"] is not None, "it stays paused until it is resumed"
    assert alice.post(f"{PATH}/resume").json["next_at"] == "2026-11-02T12:10:00.000000Z"
    assert len(made.tasks("other")) == 1


def test_removing_a_schedule_leaves_its_tasks(alice: Caller, noon: FrozenClock, dispatch: Dispatch, made: Made) -> None:
    put(alice)
    noon.advance(1)
    dispatch()
    assert alice.delete(PATH).status_code == 204
    assert len(made.tasks()) == 1
    assert made.runs() == []


def test_what_became_of_due_times_is_forgotten_after_a_month(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, database: Database, made: Made
) -> None:
    put(alice, cron="0 12 * * *")
    for _ in range(3):
        noon.advance(86_400)
        dispatch()
    noon.advance(sweep.KEPT.total_seconds() - 86_400 + 1)
    with transaction.own(database) as connection:
        assert sweep.forget(connection, clock.now()) == 2
    assert len(made.runs()) == 1


def test_slices_end_and_are_taken_up_again(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, database: Database
) -> None:
    many = [
        {
            "name": f"s{number}",
            "owner_id": ALICE.id,
            "cron": "@hourly",
            "task": {"command": "c", "payload": 1, "tags": []},
        }
        for number in range(sweep.SLICE + 5)
    ]
    with transaction.own(database) as connection:
        connection.execute(Schedule.__table__.insert(), [one | {"next_at": noon.now()} for one in many])
    assert [dispatch(), dispatch(), dispatch()] == [sweep.SLICE, 5, 0]


def test_around_a_change_of_the_clock_each_due_time_becomes_one_task(
    alice: Caller, dispatch: Dispatch, made: Made
) -> None:
    """Europe/Berlin goes from 02:00+01 to 03:00+02 on 2026-03-29; 03:00+02 is 01:00 UTC."""
    midnight = datetime.fromisoformat("2026-03-28T23:00:00Z")
    with clock.frozen(midnight) as held:
        put(alice, cron="30 2 * * *", time_zone="Europe/Berlin")
        for _ in range(6 * 12):
            held.advance(300)
            dispatch()
        assert made.runs() == [("01:00", None)]
        for _ in range(24):
            held.advance(3600)
            dispatch()
        assert made.runs() == [("01:00", None), ("00:30", None)], "of the 29th and of the 30th"


def test_shares_are_taken_once_for_all_that_are_due_together(
    alice: Caller, noon: FrozenClock, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other they would be locked in the order of the schedules: two dispatchers would be at odds."""
    for name, key in (("a", "y"), ("b", "x"), ("d", "y")):
        put(alice, name, task={"command": "c", "payload": 1, "fairness_key": key})
    taken: list[list[str]] = []
    charge = shares.charge

    def noted(connection: Any, wanted: list[Any], weights: Any) -> list[int]:
        taken.append([key for _, key in wanted])
        return charge(connection, wanted, weights)

    monkeypatch.setattr(shares, "charge", noted)
    noon.advance(1)
    assert dispatch() == 3
    assert [sorted(keys) for keys in taken] == [["x", "y", "y"]]
    assert len(alice.get("/v1/tasks?command=c").json["tasks"]) == 3


def test_what_fails_within_a_transaction_is_not_put_into_line(database: Database) -> None:
    now = clock.now()
    place = Place("00000000-0000-7000-8000-00000000dead", "q", 1, now, 0)

    def fail(connection: Connection) -> None:
        with gathered(connection, now):
            ready.put(connection, [place], now)
            raise ValueError

    with transaction.own(database) as connection, gathered(connection, now), suppress(ValueError):
        fail(connection)
    with database.read.connect() as connection:
        assert connection.execute(select(tables.ready)).all() == []
