"""Values: how each type of column is written in JSON, both ways.

A `load` takes a JSON value and gives what the column takes, or raises ValueError saying what is wrong with it,
without the value. A `dump` gives the JSON value of what the column gave.
"""

import base64
import binascii
import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import Any

Load = Callable[[Any], Any]
Dump = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value: its name for people, and its way in and out."""

    name: str
    load: Load
    dump: Dump | None = None
    """None where the value is JSON as it is."""
    comparable: bool = True
    """Whether two values can be told equal, and rows be ordered by them."""
    ordered: bool = True
    """Whether one value can be said to be before another."""
    is_text: bool = False

    @property
    def operators(self) -> frozenset[str]:
        """Name the operators of a filter that values of this kind have."""
        found = {"is_null"}
        found |= {"eq", "neq", "in", "not_in"} if self.comparable else set()
        found |= {"gt", "gte", "lt", "lte", "between"} if self.ordered else set()
        found |= {"like", "ilike", "starts_with", "ends_with", "contains"} if self.is_text else set()
        return frozenset(found)


def integer(bits: int) -> Kind:
    """Make the kind of a signed integer of so many bits."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def load(value: Any) -> int:  # noqa: ANN401 - JSON is any value
        if type(value) is not int:
            raise ValueError("is not an integer")
        if not low <= value <= high:
            raise ValueError(f"is not within {low} and {high}")
        return value

    return Kind(f"integer({bits})", load)


def text(length: int | None = None) -> Kind:
    """Make the kind of a text of at most so many characters."""

    def load(value: Any) -> str:  # noqa: ANN401 - JSON is any value
        if type(value) is not str:
            raise ValueError("is not text")
        if length is not None and len(value) > length:
            raise ValueError(f"is longer than {length} characters")
        check_text(value)
        return value

    return Kind("text" if length is None else f"text({length})", load, is_text=True)


def check_text(value: str) -> None:
    """Refuse what some database cannot hold.

    :raises ValueError: a NUL character or a lone surrogate
    """
    if "\0" in value:
        raise ValueError("has a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("has a lone surrogate") from None


_MOST_DIGITS = 1000
_EXACT = Context(prec=2 * _MOST_DIGITS)


def decimal(precision: int | None, scale: int | None) -> Kind:
    """Make the kind of an exact number with `scale` of its `precision` digits behind the point."""

    def load(value: Any) -> Decimal:  # noqa: ANN401 - JSON is any value
        if type(value) is int:
            number = Decimal(value)
        elif type(value) is str:
            number = _decimal(value)
        else:
            raise ValueError("is not a decimal number in a string, nor an integer")
        if abs(number.adjusted()) > _MOST_DIGITS:
            raise ValueError("has too many digits")
        if precision is not None:
            _check_digits(number, precision, scale or 0)
            # As the column gives it back.
            number = number.quantize(Decimal(1).scaleb(-(scale or 0)), context=_EXACT)
        return number or abs(number)

    name = "decimal" if precision is None else f"decimal({precision},{scale or 0})"
    return Kind(name, load, dump=lambda value: format(value, "f"))


def _decimal(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("is not a decimal number") from None
    # Decimal takes more than numbers: NaN, other scripts' digits, underscores, blanks.
    if not number.is_finite() or not value.isascii() or "_" in value or value != value.strip():
        raise ValueError("is not a decimal number")
    return number


def _check_digits(number: Decimal, precision: int, behind: int) -> None:
    digits, exponent = number.as_tuple().digits, number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > behind and any(digits[exponent + behind :]):
        raise ValueError(f"has more than {behind} digits behind the point")
    if number and number.adjusted() >= precision - behind:
        raise ValueError(f"has more than {precision - behind} digits before the point")


def enumeration(members: Mapping[str, Any]) -> Kind:
    """Make the kind of one of some names, each standing for what the column takes."""
    names = {member: name for name, member in members.items()}
    shown = f"one of {', '.join(members)}"

    def load(value: Any) -> Any:  # noqa: ANN401 - JSON is any value
        if type(value) is not str or value not in members:
            raise ValueError(f"is not {shown}")
        return members[value]

    return Kind(shown, load, dump=names.__getitem__, ordered=False)


def array(item: Kind) -> Kind:
    """Make the kind of an array whose items are null or of one kind."""

    def load(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is any value
        if type(value) is not list:
            raise ValueError("is not an array")
        return [None if one is None else item.load(one) for one in value]

    def dump(value: list[Any]) -> list[Any]:
        return [one if one is None or item.dump is None else item.dump(one) for one in value]

    return Kind(f"array of {item.name}", load, dump, comparable=False, ordered=False)


def _load_boolean(value: Any) -> bool:  # noqa: ANN401 - JSON is any value
    if type(value) is not bool:
        raise ValueError("is not true or false")
    return value


def _load_number(value: Any) -> float:  # noqa: ANN401 - JSON is any value
    if type(value) not in (int, float):
        raise ValueError("is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise ValueError("is out of range")
    # Databases do not agree on whether there is a negative zero.
    return number + 0.0


def _load_bytes(value: Any) -> bytes:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str:
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise ValueError("is not base64")


# Python's own readers also take forms that these standards do not have.
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d+)?", re.ASCII)
_MOMENT = re.compile(rf"{_DATE.pattern}[Tt ]{_TIME.pattern}([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


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


def _load_uuid(value: Any) -> uuid.UUID:  # noqa: ANN401 - JSON is any value
    try:
        if type(value) is str and _UUID.fullmatch(value):
            return uuid.UUID(value)
    except ValueError:
        pass
    raise ValueError("is not a UUID")


def _load_json(value: Any) -> Any:  # noqa: ANN401 - JSON is any value
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            check_text(name)
            _load_json(item)
    elif isinstance(value, list):
        for item in value:
            _load_json(item)
    return value


def _load_seconds(value: Any) -> timedelta:  # noqa: ANN401 - JSON is any value
    try:
        return timedelta(seconds=_load_number(value))
    except OverflowError:
        raise ValueError("is out of range") from None


BOOLEAN = Kind("boolean", _load_boolean, ordered=False)
NUMBER = Kind("number", _load_number, dump=float)
BYTES = Kind("bytes", _load_bytes, dump=lambda value: base64.b64encode(value).decode(), ordered=False)
DATE = Kind("date", _load_date, dump=date.isoformat)
TIME = Kind("time", _load_time, dump=time.isoformat)
MOMENT = Kind("datetime", _load_moment, dump=_dump_moment)
NAIVE_MOMENT = Kind("datetime", lambda value: _load_moment(value).replace(tzinfo=None), dump=_dump_moment)
UUID = Kind("uuid", _load_uuid, dump=str, ordered=False)
SECONDS = Kind("seconds", _load_seconds, dump=timedelta.total_seconds)
JSON = Kind("json", _load_json, comparable=False, ordered=False)
