"""The errors of commands, and what each implies for retries, the inbox and dead letters.

CommandError
├── Malformed           the message is not a command
├── Invalid             a field is missing, unknown, or has the wrong type or range
├── UnknownResource     the resource is not exposed
├── UnknownAction       the action does not exist, or the resource does not offer it
├── NotFound            no row has the key, or matches the filter
├── MultipleFound       several rows match where one is expected
├── Conflict            a database constraint is violated
├── VersionMismatch     `if_version` differs from the row's version
├── IdReused            the `message_id` was used with a different body
├── LimitExceeded       a limit is exceeded
├── Timeout             past its deadline, or a statement timeout
├── Unavailable         a transient error, or a fault of the database, persisted through all retries
└── Internal            an unexpected error in the service
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

MAX_NAME = 60
"""In characters: at four bytes each, a name and a suffix still fit into a routing key."""


def at(path: str, step: str | int) -> str:
    """Return the path one step below; names from outside are shortened and made printable."""
    shown = shorten(step) if isinstance(step, str) else str(step)
    return f"{path}.{shown}" if path else shown


def shorten(name: str, limit: int = MAX_NAME) -> str:
    """Return a name from a message, shortened and printable, for error messages."""
    clean = name[:limit]
    if clean.isascii() and clean.isprintable():
        return clean
    clean = clean.encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() else "?" for char in clean)


def escaped(text: str, allowed: str = "") -> str:
    """Return text with every unprintable character escaped, except those in `allowed`."""
    return "".join(
        character if character.isprintable() or character in allowed else character.encode("unicode_escape").decode()
        for character in text
    )


@dataclass(frozen=True, slots=True)
class Detail:
    """One error: `path` is the location (`data.age`, `data.2.name`, `if_version`), `message` describes it."""

    path: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Machine-readable facts: `current`, or `kind`, `constraint` and `fields`."""

    def as_json(self) -> dict[str, Any]:
        """Return the object for a result's `error.details`."""
        return {"path": self.path, "message": self.message, **self.facts}


MAX_DETAILS = 100
"""How many faults are reported: finding more would cost the time of others."""


class CommandError(Exception):
    """A command failed; becomes the `error` of its result.

    `summary` contains no value of a row or a key, so that events can contain it: any subscriber can read them.
    """

    code: ClassVar[str]
    summary: ClassVar[str]
    retryable: ClassVar[bool] = False
    is_recorded: ClassVar[bool] = True
    """Whether the inbox records the error and replays it for a repeated command; otherwise a repeat runs again."""
    dead_lettered: ClassVar[bool] = False
    """Whether the message becomes a dead letter."""

    def __init__(self, message: str | None = None, details: Sequence[Detail] = ()) -> None:
        """Set the message for the publisher (`summary` by default) and the first `MAX_DETAILS` details."""
        super().__init__(message or self.summary)
        self.message = message or self.summary
        self.details = tuple(details[:MAX_DETAILS])

    def within(self, path: str) -> Self:
        """Return the error of an enclosing command: every detail has a path below `path`, and there is at least one."""
        details = self.details or (Detail("", self.message),)
        below = [replace(detail, path=f"{path}.{detail.path}" if detail.path else path) for detail in details]
        return type(self)(self.message, below)

    def as_json(self) -> dict[str, Any]:
        """Return the object for a result's `error`."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "retryable": self.retryable}
        if self.details:
            error["details"] = [detail.as_json() for detail in self.details]
        return error

    def summary_as_json(self) -> dict[str, Any]:
        """Return the object for a `failed` event's `error`, without values and details."""
        return {"code": self.code, "message": self.summary, "retryable": self.retryable}


class Malformed(CommandError):
    """The message is not a command: no `message_id`, wrong content type, not a strict JSON object, no `action`."""

    code = "malformed"
    summary = "the message is not a command"
    is_recorded = False
    dead_lettered = True


class Invalid(CommandError):
    """A field is missing, unknown, not allowed, or has the wrong type or range."""

    code = "invalid"
    summary = "the command is not valid"


class UnknownResource(CommandError):
    """The resource is not exposed."""

    code = "unknown_resource"
    summary = "the resource does not exist"


class UnknownAction(CommandError):
    """The action does not exist, or the resource does not offer it."""

    code = "unknown_action"
    summary = "the resource does not offer this action"


class NotFound(CommandError):
    """No row has the key, or matches the filter."""

    code = "not_found"
    summary = "the row does not exist"


class MultipleFound(CommandError):
    """Several rows match where one is expected."""

    code = "multiple_found"
    summary = "several rows match"


class Conflict(CommandError):
    """A constraint, a trigger or a row-level security policy of the database rejects the change."""

    code = "conflict"
    summary = "a database constraint is violated"


class VersionMismatch(CommandError):
    """`if_version` differs from the row's version."""

    code = "version_mismatch"
    summary = "the row has a different version"


class IdReused(CommandError):
    """The `message_id` was used with a different body."""

    code = "id_reused"
    summary = "the message_id was already used with a different body"
    is_recorded = False


class LimitExceeded(CommandError):
    """A limit is exceeded: page size, rows, depth, or size of the message."""

    code = "limit_exceeded"
    summary = "the command exceeds a limit"


class DatabaseLimitExceeded(LimitExceeded):
    """A limit that the database sets for each statement is exceeded: another one may be set later."""

    is_recorded = False


class Timeout(CommandError):
    """The command is past its `x-deadline`, or a statement exceeded its timeout."""

    code = "timeout"
    summary = "the command timed out"
    retryable = True
    is_recorded = False


class Unavailable(CommandError):
    """A transient error persisted through all retries, or the database cannot run the command at the moment."""

    code = "unavailable"
    summary = "a transient database error persisted, try again later"
    retryable = True
    is_recorded = False
    dead_lettered = True


class Internal(CommandError):
    """An unexpected error in the service: the cause is in the log only."""

    code = "internal"
    summary = "internal error, see the log of the service"
    is_recorded = False
    dead_lettered = True


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


class Faults:
    """Collects the faults of several parts of a command, to report them at once."""

    def __init__(self, details: Iterable[Detail] = (), message: str | None = None) -> None:
        """Start with these faults, and set the message with which they are reported."""
        self._details = list(details)
        self._message = message

    def add(self, *details: Detail) -> None:
        """Collect faults.

        :raises Invalid: there are as many as are reported
        """
        self._details += details
        if len(self._details) >= MAX_DETAILS:
            self.check()

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Collect the details of an `Invalid` that the block raises, and continue after the block."""
        try:
            yield
        except Invalid as error:
            self._details += error.details

    @property
    def details(self) -> tuple[Detail, ...]:
        """The collected faults."""
        return tuple(self._details)

    def check(self) -> None:
        """Report the collected faults.

        :raises Invalid: there is at least one fault
        """
        if self._details:
            raise Invalid(self._message, self._details)
