"""Settings from environment variables. They are read and validated once, at startup, and then passed as arguments."""

import os
import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from crudmq.contract.command import Limits
from crudmq.contract.filters import MAX_VALUES
from crudmq.storage.dialects import PERCENT_ENCODE, checked_url
from crudmq.storage.tables import DEFAULT_PREFIX

PREFIX = "CRUDMQ_"
EXAMPLE = "crudmq.examples.models"
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TEST_PREFIX = f"{PREFIX}TEST_"
"""Prefix of the variables of the test suite, which the service ignores."""


class SettingsError(Exception):
    """Settings are invalid; the message has one line per setting."""


class LogFormat(StrEnum):
    """The format of the log."""

    CONSOLE = "console"
    JSON = "json"


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|m|h|d)?", str(value).strip(), re.ASCII)
    if match is None:
        raise ValueError("must be a duration, such as 500ms, 30s, 5m, 12h or 7d")
    try:
        return timedelta(**{_UNITS[match[2] or "s"]: float(match[1])})
    except OverflowError:
        return timedelta.max


def _between(least: timedelta, most: timedelta) -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if not least <= value <= most:
            raise ValueError(f"must be between {_shown_duration(least)} and {_shown_duration(most)}")
        return value

    return AfterValidator(check)


def _broker_url(value: str) -> str:
    if not re.match(r"amqps?://[^/]", value):
        raise ValueError("must be a URL such as amqp://user:password@host:5672/vhost")
    try:
        parsed = urlsplit(value)
        is_valid = parsed.hostname is not None and parsed.port != 0
    except ValueError:
        # The original error may contain a part of the password.
        is_valid = False
    if not is_valid:
        raise ValueError(f"has an invalid host or port; {PERCENT_ENCODE}")
    return value


_MILLISECOND, _DAY = timedelta(milliseconds=1), timedelta(days=1)
Duration = Annotated[timedelta, BeforeValidator(_duration), _between(_MILLISECOND, 10_000 * _DAY)]
ShortDuration = Annotated[timedelta, BeforeValidator(_duration), _between(_MILLISECOND, _DAY)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,50}$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]

_TEXTS = {
    # By pydantic's type of the error, with its context.
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "int_parsing": "must be an integer",
    "int_parsing_size": "must be an integer of at most 4300 digits",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must have 1 to 50 characters: ASCII letters, digits, `_`, `.` and `-`",
    "value_error": "{error}",
}


class Settings(BaseSettings):
    """The configuration. Each field is read from the environment variable of its name (see `variable`)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: Annotated[str, AfterValidator(checked_url)] = "sqlite+aiosqlite:///crudmq.db"
    """Database URL with an asyncio driver: SQLite, PostgreSQL, MariaDB or MySQL."""
    broker_url: Annotated[str, AfterValidator(_broker_url)] = "amqp://guest:guest@127.0.0.1:5672/"
    """RabbitMQ URL."""
    models: str = EXAMPLE
    """Module that exposes the resources."""
    prefix: Name = DEFAULT_PREFIX
    """Prefix of the names of queues and exchanges, which identifies the service in the database as well."""
    partitions: Annotated[int, Field(ge=1, le=256)] = 1
    """Number of queues over which commands are distributed by `partition-key`."""
    reply_queues: Text = "*"
    """Queues that a `reply_to` may name: patterns such as `replies.*`, separated by commas."""
    source: Text = "/crudmq"
    """The `source` attribute of all events."""
    group_size: Annotated[int, Field(ge=1, le=1000)] = 200
    """Maximum number of queued commands that share a transaction."""
    prefetch: Annotated[int, Field(ge=1, le=65535)] = 800
    """Maximum number of unacknowledged deliveries."""
    statement_timeout: ShortDuration = timedelta(seconds=30)
    """Maximum duration of a SQL statement."""
    max_message_bytes: Annotated[int, Field(ge=1024, le=2**31 - 1)] = 2**20
    """Maximum size of a command."""
    max_result_bytes: Annotated[int, Field(ge=1024, le=2**27)] = 2**23
    """Maximum size of a result and of an event; less than the `max_message_size` of the broker."""
    max_page: Count = 1000
    """Maximum number of rows that a `list` returns."""
    max_include_depth: Annotated[int, Field(ge=0, le=8)] = 3
    """Maximum nesting depth of `include`."""
    max_where_depth: Annotated[int, Field(ge=1, le=30)] = 8
    """Maximum nesting depth of `where`."""
    max_conditions: Count = 100
    """Maximum number of conditions in a `where`."""
    max_in: Annotated[int, Field(ge=1, le=MAX_VALUES)] = 1000
    """Maximum number of values in a list of a condition."""
    max_commands: Count = 100
    """Maximum number of commands in a `transaction`."""
    max_rows: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Maximum number of rows that a command writes."""
    retention: Duration = timedelta(days=7)
    """How long results are stored, to answer repeated commands."""
    shutdown_grace: ShortDuration = timedelta(seconds=25)
    """Maximum time to finish in-flight commands after SIGTERM."""
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """HTTP port of `/health/live` and `/health/ready`; 0 disables them."""
    health_host: Text = "127.0.0.1"
    """Address that the health port binds to; `0.0.0.0` in a container."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Minimum level of log entries."""
    log_format: LogFormat = LogFormat.CONSOLE
    """`console` for terminals, `json` for log processors."""
    sql_echo: bool = False
    """Log every SQL statement with its parameters."""

    def limits(self) -> Limits:
        """Return the limits that apply to a command."""
        return Limits(
            max_bytes=self.max_message_bytes,
            max_result_bytes=self.max_result_bytes,
            max_page=self.max_page,
            max_include_depth=self.max_include_depth,
            max_where_depth=self.max_where_depth,
            max_conditions=self.max_conditions,
            max_in=self.max_in,
            max_commands=self.max_commands,
            max_rows=self.max_rows,
        )

    def shown(self) -> list[tuple[str, str, str]]:
        """Return name, value and source of each setting; passwords are masked."""
        return [
            (
                variable(name),
                _shown(getattr(self, name)),
                "environment" if name in self.model_fields_set else "default",
            )
            for name in type(self).model_fields
        ]


def variable(name: str) -> str:
    """Return the name of a setting's environment variable."""
    return f"{PREFIX}{name.upper()}"


def read() -> Settings:
    """Return the settings of the environment.

    :raises SettingsError: lists every invalid setting
    """
    faults = [f"{name}: unknown setting" for name in sorted(os.environ) if _is_unknown(name)]
    try:
        settings = Settings()
    except ValidationError as exc:
        faults += [_fault(error) for error in exc.errors(include_url=False, include_input=False)]
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def without_password(url: str) -> str:
    """Return a URL with its password masked."""
    # The password may contain any character, so it ends at the last `@`.
    hidden = re.sub(r"(?<=//)([^/@:]*):.*(?=@)", r"\1:***", url)
    return re.sub(r"(?i)(password|passwd|sslpassword)=[^&]*", r"\1=***", hidden)


def _is_unknown(name: str) -> bool:
    if not name.startswith(PREFIX) or name.startswith(_TEST_PREFIX):
        return False
    return name.removeprefix(PREFIX).lower() not in Settings.model_fields


def _fault(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    text = _TEXTS.get(error["type"])
    message = error["msg"] if text is None else text.format(**error.get("ctx", {}))
    return f"{variable(str(error['loc'][0]))}: {message}"


def _shown(value: object) -> str:
    match value:
        case timedelta():
            return _shown_duration(value)
        case bool():
            return str(value).lower()
        case _:
            return without_password(str(value))


def _shown_duration(value: timedelta) -> str:
    """Return a duration as it can be set, in the largest unit that divides it."""
    for unit, name in reversed(_UNITS.items()):
        count, rest = divmod(value, timedelta(**{name: 1}))
        if count and not rest:
            return f"{count}{unit}"
    return f"{value / _MILLISECOND:g}ms"
