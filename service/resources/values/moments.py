"""Dates, times, moments and durations."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from service.resources.values.kind import Kind
from service.resources.values.numbers import NUMBER

# Python's own readers also take forms that these standards do not have.
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d+)?", re.ASCII)
_MOMENT = re.compile(rf"{_DATE.pattern}[Tt ]{_TIME.pattern}([Zz]|[+-]\d\d:\d\d)", re.ASCII)


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


def _load_moment(value: Any) -> datetime:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str and _MOMENT.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("is not an RFC 3339 time with an offset")


def _dump_moment(value: datetime) -> str:
    # Databases without time zones give back what was stored: UTC, unmarked.
    moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _load_seconds(value: Any) -> timedelta:  # noqa: ANN401 - JSON is any value
    try:
        return timedelta(seconds=NUMBER.load(value))
    except OverflowError:
        raise ValueError("is out of range") from None


DATE = Kind("date", _load_date, dump=date.isoformat)
TIME = Kind("time", _load_time, dump=time.isoformat)
MOMENT = Kind("datetime", _load_moment, dump=_dump_moment)
NAIVE_MOMENT = Kind("datetime", lambda value: _load_moment(value).replace(tzinfo=None), dump=_dump_moment)
SECONDS = Kind("seconds", _load_seconds, dump=timedelta.total_seconds)
