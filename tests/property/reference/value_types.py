"""The types of values: their JSON, both ways. Written from the contract alone."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from tests.property.reference.faults import Json

EQUALITY = frozenset({"eq", "neq", "in", "not_in"})
ORDER = frozenset({"gt", "gte", "lt", "lte", "between"})
TEXT = frozenset({"like", "ilike", "starts_with", "ends_with", "contains"})


class WrongError(Exception):
    """A value is not of its type."""


@dataclass(frozen=True)
class ValueType:
    """A type: from JSON to comparable values, and back."""

    load: Callable[[Json], Json]
    dump: Callable[[Json], Json] = lambda value: value
    operators: frozenset[str] = EQUALITY | ORDER
    sortable: bool = True


def _need(holds: object) -> None:
    if not holds:
        raise WrongError


def _matched(pattern: str, value: Json) -> str:
    _need(type(value) is str and re.fullmatch(pattern, value, re.ASCII))
    return str(value)


def whole(bits: int) -> ValueType:
    def load(value: Json) -> int:
        _need(type(value) is int and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1))
        return int(value)

    return ValueType(load)


def text(length: int | None = None) -> ValueType:
    def load(value: Json) -> str:
        _need(type(value) is str and (length is None or len(value) <= length))
        _need(all(char != "\0" and not "\ud800" <= char <= "\udfff" for char in value))
        return str(value)

    return ValueType(load, operators=EQUALITY | ORDER | TEXT)


def _load_price(value: Json) -> Decimal:
    if type(value) is not int:
        _matched(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", value)
    number = Decimal(value)
    _need(not number or -2 <= number.adjusted() < 8)
    _need(number == number.quantize(Decimal("0.01")))
    return number.quantize(Decimal("0.01")) + 0


def _load_ratio(value: Json) -> float:
    _need(type(value) in (int, float) and abs(value) < 10**300)
    return float(value) + 0.0


def _load_flag(value: Json) -> bool:
    _need(type(value) is bool)
    return bool(value)


def _load_blob(value: Json) -> bytes:
    pattern = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
    return base64.b64decode(_matched(pattern, value))


def _load_day(value: Json) -> date:
    try:
        return date.fromisoformat(_matched(r"\d{4}-\d\d-\d\d", value))
    except ValueError:
        raise WrongError from None


def _load_hour(value: Json) -> time:
    try:
        return time.fromisoformat(_matched(r"\d\d:\d\d:\d\d(\.\d{1,6})?", value))
    except ValueError:
        raise WrongError from None


def _load_moment(value: Json) -> datetime:
    pattern = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)"
    try:
        return datetime.fromisoformat(_matched(pattern, value).upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongError from None


def _load_span(value: Json) -> timedelta:
    try:
        return timedelta(seconds=_load_ratio(value))
    except OverflowError:
        raise WrongError from None


def _load_token(value: Json) -> UUID:
    return UUID(_matched("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", value))


def names(*members: str) -> ValueType:
    def load(value: Json) -> str:
        _need(type(value) is str and value in members)
        return str(value)

    return ValueType(load, operators=EQUALITY)


def _load_extra(value: Json) -> str:
    # As text: `true` differs from `1`, and the order of an object's names is ignored.
    document = json.dumps(value, sort_keys=True, ensure_ascii=False)
    _need("\\u0000" not in document and not re.search("[\ud800-\udfff]", document))
    return document


NUMBER = whole(32)
PRICE = ValueType(_load_price, str)
RATIO = ValueType(_load_ratio)
FLAG = ValueType(_load_flag, operators=EQUALITY)
BLOB = ValueType(_load_blob, lambda value: base64.b64encode(value).decode(), operators=EQUALITY)
DAY = ValueType(_load_day, date.isoformat)
HOUR = ValueType(_load_hour, time.isoformat)
MOMENT = ValueType(_load_moment, lambda value: value.isoformat().replace("+00:00", "Z"))
SPAN = ValueType(_load_span, timedelta.total_seconds)
TOKEN = ValueType(_load_token, str, operators=EQUALITY)
EXTRA = ValueType(_load_extra, json.loads, operators=frozenset(), sortable=False)
