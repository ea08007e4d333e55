"""What comes in and goes out, with the rules of Taskyard's TaskIn and the fields of its TaskOut."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_PAYLOAD = 256 * 1024  # bytes of JSON
MAX_DELAY_S = 366 * 86_400
MAX_TIMEOUT_S = 7 * 86_400


def not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("Must not be blank.")
    return text


def fits(payload: Any) -> Any:
    if len(orjson.dumps(payload)) > MAX_PAYLOAD:
        raise ValueError("The payload is larger than 256 KiB.")
    return payload


def in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Command = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"), AfterValidator(not_blank)]
Queue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
Tag = Annotated[str, StringConstraints(max_length=100), AfterValidator(not_blank)]
Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
Priority = Literal["low", "normal", "high"]


class TaskIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    command: Command
    payload: Annotated[Any, AfterValidator(fits)] = None
    priority: Priority = "normal"
    queue: Queue | None = None
    run_at: Moment | None = None
    delay_s: float | None = Field(None, ge=0, le=MAX_DELAY_S)
    expires_at: Moment | None = None
    tags: list[Tag] = Field(default_factory=list, max_length=20)
    max_attempts: int = Field(5, strict=True, ge=1, le=1000)
    timeout_s: int = Field(3600, strict=True, ge=1, le=MAX_TIMEOUT_S)
    max_crashes: int = Field(3, strict=True, ge=1, le=1000)
    on_lost: Literal["retry", "hold", "fail"] = "retry"

    @model_validator(mode="after")
    def one_time(self) -> Self:
        if self.run_at is not None and self.delay_s is not None:
            raise ValueError("Give either run_at or delay_s.")
        return self


class LeaseInfo(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    worker: str
    started_at: AwareDatetime
    expires_at: AwareDatetime
    progress: int | None
    note: str | None
    cancel_requested_at: AwareDatetime | None


class TaskOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    command: str
    command_version: int | None
    queue: str
    priority: Priority
    status: str
    payload: Any
    tags: list[str]
    owner_id: str
    created_at: AwareDatetime
    run_at: AwareDatetime
    expires_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    timeout_s: int
    max_attempts: int
    max_crashes: int | None
    backoff: Any
    retry_until: AwareDatetime | None
    on_lost: str
    unique_key: str | None
    limit_key: str | None
    fairness_key: str | None
    schedule: str | None
    attempts: int
    failures: int
    crashes: int
    result: Any
    error: Any
    lease: LeaseInfo | None
    after: list[str]
    on_failure: str | None
    group_id: str | None
