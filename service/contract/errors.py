"""Why a command is refused.

CommandError
├── Malformed           not a command at all
├── Invalid             a field is missing, unknown, of the wrong type or range
├── UnknownResource     no such resource
├── UnknownAction       no such action, or the resource does not offer it
├── NotFound            no row has the key, or matches
├── MultipleFound       several rows match where one should
├── Conflict            a constraint of the database says no
├── VersionMismatch     `if_version` is not the row's version
├── IdReused            the `message_id` was used with another body
├── LimitExceeded       over a limit
├── Timeout             past its deadline, or a statement took too long
├── Unavailable         a transient fault outlasted its retries
└── Internal            a fault of ours
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True)
class Detail:
    """One fault: `path` is where (`data.age`, `data.2.name`, `if_version`), `message` what is wrong there."""

    path: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """More that a program can act on: `current`, or `constraint` and `fields`."""

    def as_json(self) -> dict[str, Any]:
        """Give the object that a result's `error.details` holds."""
        return {"path": self.path, "message": self.message, **self.facts}


_MOST_DETAILS = 100


class CommandError(Exception):
    """A command that is not carried out; becomes the `error` of its result.

    `summary` says the same without any value of a row or a key, fit for an event that anybody may read.
    """

    code: ClassVar[str]
    summary: ClassVar[str]
    retryable: ClassVar[bool] = False
    stored: ClassVar[bool] = True
    """Whether a repeat of the command is answered with this error, or runs afresh."""
    kept: ClassVar[bool] = False
    """Whether the message is kept among the dead letters, for a person to look at."""

    def __init__(self, message: str | None = None, details: Sequence[Detail] = ()) -> None:
        """Take what to tell the publisher (`summary` by default) and the faults found: the first 100 are told."""
        super().__init__(message or self.summary)
        self.message = message or self.summary
        self.details = tuple(details[:_MOST_DETAILS])

    def within(self, path: str) -> Self:
        """Say the same of a part of a command: every fault is found below `path`, and there is one at least."""
        details = self.details or (Detail("", self.message),)
        inner = [Detail(f"{path}.{one.path}" if one.path else path, one.message, one.facts) for one in details]
        return type(self)(self.message, inner)

    def as_json(self) -> dict[str, Any]:
        """Give the object that a result's `error` holds."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "retryable": self.retryable}
        if self.details:
            error["details"] = [detail.as_json() for detail in self.details]
        return error

    def summary_as_json(self) -> dict[str, Any]:
        """Give the object that a `failed` event's `error` holds: no values, no details."""
        return {"code": self.code, "message": self.summary, "retryable": self.retryable}


class Malformed(CommandError):
    """Not a command: no `message_id`, wrong content type, not strict JSON, not an object, no `action`."""

    code = "malformed"
    summary = "the message is not a command"
    stored = False
    kept = True


class Invalid(CommandError):
    """A field is missing, unknown, of the wrong type or range, or not allowed there."""

    code = "invalid"
    summary = "the command is not valid"


class UnknownResource(CommandError):
    """No such resource is exposed."""

    code = "unknown_resource"
    summary = "there is no such resource"


class UnknownAction(CommandError):
    """There is no such action, or the resource does not offer it."""

    code = "unknown_action"
    summary = "the resource does not offer this action"


class NotFound(CommandError):
    """No row has the key, or matches."""

    code = "not_found"
    summary = "there is no such row"


class MultipleFound(CommandError):
    """Several rows match where one should."""

    code = "multiple_found"
    summary = "several rows match"


class Conflict(CommandError):
    """A unique, foreign key, check or not-null constraint of the database."""

    code = "conflict"
    summary = "a constraint of the database does not allow it"


class VersionMismatch(CommandError):
    """`if_version` is not the row's version."""

    code = "version_mismatch"
    summary = "the row is at another version"


class IdReused(CommandError):
    """The `message_id` was used with another body."""

    code = "id_reused"
    summary = "the message_id was used before, with another body"
    stored = False


class LimitExceeded(CommandError):
    """Page, rows, depth or size over a limit."""

    code = "limit_exceeded"
    summary = "the command is over a limit"


class Timeout(CommandError):
    """Past its `x-deadline`, or a statement over the time that it has."""

    code = "timeout"
    summary = "the command ran out of time"
    retryable = True
    stored = False


class Unavailable(CommandError):
    """A transient fault outlasted its retries."""

    code = "unavailable"
    summary = "the database could not be used, try again later"
    retryable = True
    stored = False
    kept = True


class Internal(CommandError):
    """A fault of ours: the publisher is told so and nothing more; the log has the rest."""

    code = "internal"
    summary = "the service failed; its log says how"
    stored = False
    kept = True


ERRORS: tuple[type[CommandError], ...] = (
    Malformed,
    Invalid,
    UnknownResource,
    UnknownAction,
    NotFound,
    MultipleFound,
    Conflict,
    VersionMismatch,
    IdReused,
    LimitExceeded,
    Timeout,
    Unavailable,
    Internal,
)
