"""Value types: from JSON and back."""

import enum
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import types

from crudmq.resources import types as value_types
from crudmq.resources.types import ValueType
from crudmq.resources.types.columns import value_type_of


class Colour(enum.Enum):
    """Stored by name."""

    RED = 1
    BLUE = 2


COLOUR = value_type_of(types.Enum(Colour))
# Slow machines are not a fault of the code.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def dumped(value_type: ValueType, value: object) -> object:
    return value if value_type.dump is None else value_type.dump(value)


@pytest.mark.parametrize(
    ("value_type", "json", "value"),
    [
        (value_types.integer(32), -(2**31), -(2**31)),
        (value_types.integer(64), 2**63 - 1, 2**63 - 1),
        (value_types.text(3), "añ😀", "añ😀"),
        (value_types.text(), "", ""),
        (value_types.decimal(5, 2), "123.45", Decimal("123.45")),
        (value_types.decimal(5, 2), "1.500", Decimal("1.50")),
        (value_types.decimal(5, 2), 7, Decimal("7.00")),
        (value_types.decimal(None, None), "0.1", Decimal("0.1")),
        (value_types.BOOLEAN, True, True),
        (value_types.NUMBER, 1, 1.0),
        (value_types.NUMBER, 1.5, 1.5),
        (value_types.BYTES, "AAH/", b"\x00\x01\xff"),
        (value_types.DATE, "2026-02-28", date(2026, 2, 28)),
        (value_types.TIME, "23:59:59.123456", time(23, 59, 59, 123456)),
        (value_types.DATETIME, "2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
        (value_types.NAIVE_DATETIME, "2026-01-01T02:00:00+02:00", datetime(2026, 1, 1)),  # noqa: DTZ001 - as the column holds it
        (value_types.UUID, str(uuid.NAMESPACE_DNS), uuid.NAMESPACE_DNS),
        (value_types.DURATION, 1.5, timedelta(seconds=1.5)),
        (value_types.JSON, {"a": [1, None]}, {"a": [1, None]}),
        (COLOUR, "RED", Colour.RED),
    ],
)
def test_a_value_is_loaded(value_type: ValueType, json: object, value: object) -> None:
    assert value_type.load(json) == value


@pytest.mark.parametrize(
    ("value_type", "json"),
    [
        (value_types.integer(32), "1"),
        (value_types.integer(32), 1.5),
        (value_types.integer(32), 1.0),
        (value_types.integer(32), True),
        (value_types.integer(32), 2**31),
        (value_types.integer(16), -(2**15) - 1),
        (value_types.text(3), "four"),
        (value_types.text(), 1),
        (value_types.text(), "a\0b"),
        (value_types.text(), "\ud800"),
        (value_types.decimal(5, 2), 1.5),
        (value_types.decimal(5, 2), "1.234"),
        (value_types.decimal(5, 2), "1000"),
        (value_types.decimal(5, 2), "NaN"),
        (value_types.decimal(5, 2), " 1"),
        (value_types.decimal(5, 2), "1_0"),
        (value_types.decimal(5, 2), "٣"),
        (value_types.decimal(5, 2), True),
        (value_types.BOOLEAN, 1),
        (value_types.BOOLEAN, "true"),
        (value_types.NUMBER, "1"),
        (value_types.NUMBER, True),
        (value_types.NUMBER, 10**400),
        (value_types.BYTES, "not base64!"),
        (value_types.BYTES, 1),
        (value_types.DATE, "20260228"),
        (value_types.DATE, "2026-02-30"),
        (value_types.TIME, "12:00:00Z"),
        (value_types.TIME, "12"),
        (value_types.DATETIME, "2026-01-01T00:00:00"),
        (value_types.DATETIME, "2026-01-01"),
        (value_types.DATETIME, "0001-01-01T00:00:00+12:00"),
        (value_types.DATETIME, 1767225600),
        (value_types.UUID, "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}"),
        (value_types.UUID, "6ba7b8109dad11d180b400c04fd430c8"),
        (value_types.DURATION, 1e300),
        (value_types.JSON, {"a": ["\0"]}),
        (value_types.JSON, {"\ud800": 1}),
        (COLOUR, "GREEN"),
        (COLOUR, 1),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_rejected(value_type: ValueType, json: object) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|contains) "):
        value_type.load(json)


@_patient
@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-999, max_value=999))
def test_decimals_are_dumped_with_the_scale_of_the_column(number: Decimal) -> None:
    value_type = value_types.decimal(5, 2)
    assert dumped(value_type, value_type.load(str(number))) == format(number.quantize(Decimal("0.01")), "f")


@_patient
@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)))  # noqa: DTZ001
def test_datetimes_are_the_same_with_and_without_a_zone(moment: datetime) -> None:
    text = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    for value_type in (value_types.DATETIME, value_types.NAIVE_DATETIME):
        assert dumped(value_type, value_type.load(text)) == text


@_patient
@given(st.binary(max_size=50))
def test_loading_reverses_dumping_of_bytes(content: bytes) -> None:
    assert value_types.BYTES.load(dumped(value_types.BYTES, content)) == content
