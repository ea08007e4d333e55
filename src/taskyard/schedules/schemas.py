"""Schedules as they come in and go out."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from taskyard.schedules import timetable
from taskyard.schedules.policy import Missed, Overlap
from taskyard.schedules.timetable import Unreadable
from taskyard.tasks.schemas import TaskIn
from taskyard.web.fields import Text, When, Whole
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import Schema

NAME = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}"
MAX_JITTER_S = 86_400
MOST_MISSED = 100
MOST_NEXT = 100
EXAMPLE = {"command": "report", "payload": {"format": "pdf"}, "priority": "low"}


class ScheduledTask(TaskIn):
    """The task that each due time becomes."""

    class Meta(TaskIn.Meta):
        exclude = ("run_at", "delay_s", "expires_at", "unique", "after", "on_failure")  # `overlap` keeps its runs apart


class Settings(Schema):
    """When a schedule makes which task."""

    cron = Text(
        required=True,
        validate=validate.Length(max=200),
        metadata={
            "description": "Minute, hour, day of month, month, day of week; or @yearly, @monthly, @weekly, @daily,"
            " @hourly.",
            "example": "30 7 * * MON-FRI",
        },
    )
    time_zone = Text(
        load_default="UTC",
        validate=validate.Length(max=100),
        metadata={"description": "Of the IANA database.", "example": "Europe/Berlin"},
    )
    task = fields.Nested(ScheduledTask, required=True, metadata={"example": EXAMPLE})
    missed = fields.String(
        load_default=Missed.ONCE.value,
        validate=validate.OneOf([one.value for one in Missed]),
        metadata={"description": "What becomes of due times at which no dispatcher ran: none, one or all of them."},
    )
    missed_limit = fields.Integer(
        strict=True,
        load_default=10,
        validate=validate.Range(1, MOST_MISSED),
        metadata={"description": "How many `all` are at most: the latest.", "example": 10},
    )
    overlap = fields.String(
        load_default=Overlap.ALLOW.value,
        validate=validate.OneOf([one.value for one in Overlap]),
        metadata={
            "description": "While a task of it has not ended: make the next one all the same, leave it out, or make"
            " it once none is open."
        },
    )
    jitter_s = fields.Integer(
        strict=True,
        load_default=0,
        validate=validate.Range(0, MAX_JITTER_S),
        metadata={"description": "Put each task off by up to so many seconds.", "example": 30},
    )
    description = Text(
        load_default="", validate=validate.Length(max=2000), metadata={"example": "The report of each working day."}
    )


class ScheduleIn(Settings):
    """A schedule: when to submit which task."""

    @validates_schema(skip_on_field_errors=False)
    def readable(self, data: dict[str, Any], **_: Any) -> None:
        faults = {}
        for name, check in (("cron", timetable.check), ("time_zone", timetable.zone)):
            if name in data:
                try:
                    check(data[name])
                except Unreadable as error:
                    faults[name] = [str(error)]
        if faults:
            raise ValidationError(faults)


class ScheduleOut(Settings):
    """A schedule and how it goes."""

    name = fields.String(required=True, metadata={"example": "daily-report"})
    owner_id = fields.UUID(required=True, metadata={"description": "Whom its tasks belong to."})
    paused_at = When(required=True, allow_none=True)
    pause_reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why Taskyard has paused it, where it was not you."}
    )
    next_at = When(
        required=True, allow_none=True, metadata={"description": "The next due time; null while it is paused."}
    )
    waiting_at = When(
        required=True,
        allow_none=True,
        metadata={"description": "A due time that waits for the last task to end (`overlap: queue`)."},
    )
    last_at = When(
        required=True,
        allow_none=True,
        metadata={"description": "The due time of its last task, or when that was run by hand."},
    )
    last_task_id = fields.UUID(required=True, allow_none=True)
    last_error = fields.String(
        required=True, allow_none=True, metadata={"description": "Why the last due time became no task."}
    )
    created_at = When(required=True)
    updated_at = When(required=True, metadata={"description": "When it was last configured."})


class SchedulePage(Schema):
    """A page of schedules, by name."""

    schedules = fields.List(fields.Nested(ScheduleOut), required=True)


class ScheduleQuery(PageQuery):
    """Which schedules a list holds."""

    owner = fields.String(
        load_default="me",
        metadata={"description": "`me`, `all` (moderators and admins) or a user's id."},
        validate=validate.Regexp(
            r"(me|all|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\Z", error="Must be me, all or a user's id."
        ),
    )


class NextQuery(Schema):
    """How many due times to tell."""

    count = Whole(load_default=10, validate=validate.Range(1, MOST_NEXT), metadata={"description": "How many."})


class DueTime(Schema):
    """A time at which a schedule comes due."""

    due_at = When(required=True)
    local = fields.String(
        required=True,
        metadata={"description": "The same in the schedule's zone.", "example": "2026-11-03T10:30:00+01:00"},
    )


class NextOut(Schema):
    """The next due times, first to last."""

    next = fields.List(fields.Nested(DueTime), required=True)


class RunOut(Schema):
    """What became of a due time."""

    due_at = When(required=True)
    task_id = fields.UUID(required=True, allow_none=True, metadata={"example": "019a8d4f-5b20-7c43-a1f6-0d9c8e7b6a54"})
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Why it became no task."})


class RunPage(Schema):
    """A page of due times, newest first."""

    runs = fields.List(fields.Nested(RunOut), required=True)
