"""Leases as they come in and go out, with the rules of Taskyard's ClaimIn and ReportsIn."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from bench.fastapi_twin.schemas import MAX_DELAY_S, Priority, Queue, not_blank

Name = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$"), AfterValidator(not_blank)]
Token = Annotated[str, StringConstraints(max_length=200)]
Log = Annotated[str, StringConstraints(max_length=65_536, pattern=r"^[^\x00]*$")]


class ClaimIn(BaseModel):
    """Without `wait`: nothing that is measured waits."""

    model_config = ConfigDict(extra="forbid")

    queues: list[Queue] = Field(min_length=1, max_length=100)
    limit: int = Field(1, strict=True, ge=1, le=1000)
    lease_s: int = Field(60, strict=True, ge=1, le=43_200)
    worker: Name = "anonymous"
    claim_id: Annotated[Name, StringConstraints(max_length=100)] | None = None


class LeasedTask(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    command: str
    command_version: int | None
    queue: str
    priority: Priority
    payload: Any
    tags: list[str]
    created_at: AwareDatetime
    timeout_s: int
    max_attempts: int
    group_id: str | None


class LeaseOut(BaseModel):
    task: LeasedTask
    attempt: int
    token: str
    expires_at: AwareDatetime


class LeasesOut(BaseModel):
    leases: list[LeaseOut]


class ReportIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: Token
    outcome: Literal["succeeded", "failed", "released"]
    result: Any = None
    error: Any = None
    retry_in_s: float | None = Field(None, ge=0, le=MAX_DELAY_S)
    retry: bool = Field(True, strict=True)
    log: Log = ""

    @model_validator(mode="after")
    def one_word_on_retries(self) -> Self:
        if not self.retry and (self.outcome != "failed" or self.retry_in_s is not None):
            raise ValueError("retry: false goes with the outcome failed, and without retry_in_s.")
        return self


class ReportsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    leases: list[ReportIn] = Field(min_length=1, max_length=1000)


class ReportOut(BaseModel):
    token: str
    status: Literal["ok", "stale", "cancelled"]
    task_status: str | None


class ReportsOut(BaseModel):
    leases: list[ReportOut]
