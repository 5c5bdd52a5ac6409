"""Values, both ways."""

import enum
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import types

from service.resources import values
from service.resources.kinds import kind_of
from service.resources.values import Kind


class Colour(enum.Enum):
    """Stored by name."""

    RED = 1
    BLUE = 2


COLOUR = kind_of(types.Enum(Colour))


def dumped(kind: Kind, value: object) -> object:
    return value if kind.dump is None else kind.dump(value)


@pytest.mark.parametrize(
    ("kind", "json", "value"),
    [
        (values.integer(32), -(2**31), -(2**31)),
        (values.integer(64), 2**63 - 1, 2**63 - 1),
        (values.text(3), "añ😀", "añ😀"),
        (values.text(), "", ""),
        (values.decimal(5, 2), "123.45", Decimal("123.45")),
        (values.decimal(5, 2), "1.500", Decimal("1.50")),
        (values.decimal(5, 2), 7, Decimal("7.00")),
        (values.decimal(None, None), "0.1", Decimal("0.1")),
        (values.BOOLEAN, True, True),
        (values.NUMBER, 1, 1.0),
        (values.NUMBER, 1.5, 1.5),
        (values.BYTES, "AAH/", b"\x00\x01\xff"),
        (values.DATE, "2026-02-28", date(2026, 2, 28)),
        (values.TIME, "23:59:59.123456", time(23, 59, 59, 123456)),
        (values.MOMENT, "2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
        (values.NAIVE_MOMENT, "2026-01-01T02:00:00+02:00", datetime(2026, 1, 1)),  # noqa: DTZ001 - as the column holds it
        (values.UUID, str(uuid.NAMESPACE_DNS), uuid.NAMESPACE_DNS),
        (values.SECONDS, 1.5, timedelta(seconds=1.5)),
        (values.JSON, {"a": [1, None]}, {"a": [1, None]}),
        (COLOUR, "RED", Colour.RED),
    ],
)
def test_a_value_is_loaded(kind: Kind, json: object, value: object) -> None:
    assert kind.load(json) == value


@pytest.mark.parametrize(
    ("kind", "json"),
    [
        (values.integer(32), "1"),
        (values.integer(32), 1.5),
        (values.integer(32), 1.0),
        (values.integer(32), True),
        (values.integer(32), 2**31),
        (values.integer(16), -(2**15) - 1),
        (values.text(3), "four"),
        (values.text(), 1),
        (values.text(), "a\0b"),
        (values.text(), "\ud800"),
        (values.decimal(5, 2), 1.5),
        (values.decimal(5, 2), "1.234"),
        (values.decimal(5, 2), "1000"),
        (values.decimal(5, 2), "NaN"),
        (values.decimal(5, 2), " 1"),
        (values.decimal(5, 2), "1_0"),
        (values.decimal(5, 2), "٣"),
        (values.decimal(5, 2), True),
        (values.BOOLEAN, 1),
        (values.BOOLEAN, "true"),
        (values.NUMBER, "1"),
        (values.NUMBER, True),
        (values.NUMBER, 10**400),
        (values.BYTES, "not base64!"),
        (values.BYTES, 1),
        (values.DATE, "20260228"),
        (values.DATE, "2026-02-30"),
        (values.TIME, "12:00:00Z"),
        (values.TIME, "12"),
        (values.MOMENT, "2026-01-01T00:00:00"),
        (values.MOMENT, "2026-01-01"),
        (values.MOMENT, "0001-01-01T00:00:00+12:00"),
        (values.MOMENT, 1767225600),
        (values.UUID, "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}"),
        (values.UUID, "6ba7b8109dad11d180b400c04fd430c8"),
        (values.SECONDS, 1e300),
        (values.JSON, {"a": ["\0"]}),
        (values.JSON, {"\ud800": 1}),
        (COLOUR, "GREEN"),
        (COLOUR, 1),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_refused(kind: Kind, json: object) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        kind.load(json)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-999, max_value=999))
def test_decimals_are_written_as_the_column_has_them(number: Decimal) -> None:
    kind = values.decimal(5, 2)
    assert dumped(kind, kind.load(str(number))) == format(number.quantize(Decimal("0.01")), "f")


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)))  # noqa: DTZ001
def test_times_are_the_same_moment_with_and_without_a_zone(moment: datetime) -> None:
    told = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    for kind in (values.MOMENT, values.NAIVE_MOMENT):
        assert dumped(kind, kind.load(told)) == told


@given(st.binary(max_size=50))
def test_bytes_survive(content: bytes) -> None:
    assert values.BYTES.load(dumped(values.BYTES, content)) == content
