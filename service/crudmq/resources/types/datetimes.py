"""Dates, times, datetimes and durations."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from crudmq.resources.types.numbers import NUMBER
from crudmq.resources.types.value_type import ValueType

# Python's own parsers also accept forms that RFC 3339 does not have.
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d+)?", re.ASCII)
_DATETIME = re.compile(rf"{_DATE.pattern}[Tt ]{_TIME.pattern}([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _load_date(value: Any) -> date:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("is not an RFC 3339 date")


def _load_time(value: Any) -> time:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str and _TIME.fullmatch(value):
            return time.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("is not an RFC 3339 time without an offset")


def _load_datetime(value: Any) -> datetime:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str and _DATETIME.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("is not an RFC 3339 date and time with an offset")


def _dump_datetime(value: datetime) -> str:
    # Columns without time zones hold UTC.
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _load_duration(value: Any) -> timedelta:  # noqa: ANN401 - JSON is any value
    try:
        return timedelta(seconds=NUMBER.load(value))
    except OverflowError:
        raise ValueError("is out of range") from None


DATE = ValueType("date", _load_date, dump=date.isoformat)
TIME = ValueType("time", _load_time, dump=time.isoformat)
DATETIME = ValueType("datetime", _load_datetime, dump=_dump_datetime)
NAIVE_DATETIME = ValueType("datetime", lambda value: _load_datetime(value).replace(tzinfo=None), dump=_dump_datetime)
DURATION = ValueType("seconds", _load_duration, dump=timedelta.total_seconds)
