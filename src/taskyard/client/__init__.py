"""The Python client and the worker. It knows the HTTP API and nothing else of the server."""

from taskyard.client.api import Client
from taskyard.client.errors import (
    Conflict,
    Forbidden,
    Interrupted,
    Invalid,
    Limited,
    NotEnded,
    NotFound,
    Refused,
    ServerError,
    TaskyardError,
    TooLarge,
    Unauthenticated,
    Unreachable,
)
from taskyard.client.grouping import Group, SubmittedGroup
from taskyard.client.hooks import Finding, Webhook
from taskyard.client.operating import DeadGroup, DryRun, Operation
from taskyard.client.outcome import DoNotRetry, Failure, RetryIn
from taskyard.client.oversight import Purged, Queue, WorkerInfo
from taskyard.client.resources import Attempt, Explanation, Extension, Lease, Report, Settled, Task
from taskyard.client.running import RunningTask, Stop
from taskyard.client.worker import Worker

__all__ = [
    "Attempt",
    "Client",
    "Conflict",
    "DeadGroup",
    "DoNotRetry",
    "DryRun",
    "Explanation",
    "Extension",
    "Failure",
    "Finding",
    "Forbidden",
    "Group",
    "Interrupted",
    "Invalid",
    "Lease",
    "Limited",
    "NotEnded",
    "NotFound",
    "Operation",
    "Purged",
    "Queue",
    "Refused",
    "Report",
    "RetryIn",
    "RunningTask",
    "ServerError",
    "Settled",
    "Stop",
    "SubmittedGroup",
    "Task",
    "TaskyardError",
    "TooLarge",
    "Unauthenticated",
    "Unreachable",
    "Webhook",
    "Worker",
    "WorkerInfo",
]
