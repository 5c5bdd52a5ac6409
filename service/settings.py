"""The settings: the only reader of the environment. Read once at the start, checked, and passed down."""

import os
import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.contract.filters import MOST_VALUES
from service.storage.engine import checked_url

PREFIX = "CRUDMQ_"
EXAMPLE = "service.examples.models"
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_NOT_OURS = f"{PREFIX}TEST_"
"""What tests read: settings of theirs, not of the service."""


class SettingsError(Exception):
    """The environment does not make sense; says one line for each fault."""


class LogFormat(StrEnum):
    """How the log is written."""

    CONSOLE = "console"
    JSON = "json"


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", str(value).strip())
    if found is None:
        raise ValueError("is not a duration such as 500ms, 30s, 5m, 12h or 7d")
    return timedelta(**{_UNITS[found[2] or "s"]: float(found[1])})


def _broker_url(value: str) -> str:
    if not re.match(r"amqps?://[^/]", value):
        raise ValueError("is not an address such as amqp://user:password@host:5672/vhost")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,50}$")]


class Settings(BaseSettings):
    """What an operator can choose; each comes from the environment variable of its name, or has this default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database_url: Annotated[str, AfterValidator(checked_url)] = "sqlite+aiosqlite:///crudmq.db"
    """Where the rows are: SQLite, PostgreSQL, MariaDB or MySQL, with the asyncio driver."""
    broker_url: Annotated[str, AfterValidator(_broker_url)] = "amqp://guest:guest@127.0.0.1:5672/"
    """Where RabbitMQ is."""
    models: str = EXAMPLE
    """The module that exposes the resources."""
    prefix: Name = "crudmq"
    """What the names of queues and exchanges begin with."""
    partitions: Annotated[int, Field(ge=1, le=256)] = 1
    """Among how many queues the commands are divided by their `partition-key`."""
    source: Annotated[str, StringConstraints(min_length=1)] = "/crudmq"
    """The `source` of all events."""
    group_size: Annotated[int, Field(ge=1, le=1000)] = 200
    """How many waiting commands share a transaction at most."""
    prefetch: Annotated[int, Field(ge=1, le=65535)] = 800
    """How many unacknowledged deliveries the broker hands over at most."""
    statement_timeout: Duration = timedelta(seconds=30)
    """What one SQL statement may take."""
    max_message_bytes: Annotated[int, Field(ge=1024)] = 2**20
    """How large a command may be."""
    max_page: Annotated[int, Field(ge=1)] = 1000
    """How many rows a `list` gives at most."""
    max_include_depth: Annotated[int, Field(ge=0, le=8)] = 3
    """How deep an `include` nests at most."""
    max_where_depth: Annotated[int, Field(ge=1, le=30)] = 8
    """How deep a `where` nests at most."""
    max_conditions: Annotated[int, Field(ge=1)] = 100
    """How many conditions a `where` has at most."""
    max_in: Annotated[int, Field(ge=1, le=MOST_VALUES)] = 1000
    """How many values a list in a condition has at most."""
    max_commands: Annotated[int, Field(ge=1)] = 100
    """How many commands a `transaction` has at most."""
    max_rows: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """How many rows a command writes at most."""
    retention: Duration = timedelta(days=7)
    """How long results are kept for repeats."""
    shutdown_grace: Duration = timedelta(seconds=25)
    """How long SIGTERM waits for what is in hand."""
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where `/health/live` and `/health/ready` answer over HTTP; 0 for nowhere."""
    health_host: Annotated[str, StringConstraints(min_length=1)] = "127.0.0.1"
    """On which address: `0.0.0.0` in a container."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: LogFormat = LogFormat.CONSOLE
    sql_echo: bool = False
    """Log every statement, with its values."""

    def shown(self) -> list[tuple[str, str, str]]:
        """Give name, value and source of each setting; passwords are hidden."""
        return [
            (
                variable(name),
                _shown(getattr(self, name)),
                "environment" if name in self.model_fields_set else "default",
            )
            for name in type(self).model_fields
        ]


def variable(name: str) -> str:
    """Name the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def read() -> Settings:
    """Read the environment.

    :raises SettingsError: with every fault
    """
    faults = [f"{name}: there is no such setting" for name in sorted(os.environ) if _is_unknown(name)]
    try:
        settings = Settings()
    except ValidationError as exc:
        faults += [_fault(error) for error in exc.errors(include_url=False, include_input=False)]
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def without_password(url: str) -> str:
    """Give an address fit to be shown."""
    hidden = re.sub(r"(?<=//)([^/@:]*):[^@]*(?=@)", r"\1:***", url)
    return re.sub(r"(?i)(password|passwd|sslpassword)=[^&]*", r"\1=***", hidden)


def _is_unknown(name: str) -> bool:
    if not name.startswith(PREFIX) or name.startswith(_NOT_OURS):
        return False
    return name.removeprefix(PREFIX).lower() not in Settings.model_fields


def _fault(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{variable(str(error['loc'][0]))}: {message}"


def _shown(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    return without_password(str(value))
