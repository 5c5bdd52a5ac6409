"""The value types of SQLAlchemy's column types, and those of Python's types."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import types
from sqlalchemy.types import TypeEngine

from crudmq.resources import types as value_types
from crudmq.resources.types import ValueType


def value_type_of(column_type: TypeEngine[Any]) -> ValueType:
    """Return the value type of a column type.

    :raises TypeError: the column type is not supported
    """
    for base, value_type in _VALUE_TYPES:
        if isinstance(column_type, base):
            return value_type(column_type)
    if isinstance(column_type, types.TypeDecorator):
        return value_type_of(column_type.impl_instance)
    raise TypeError(f"columns of type {column_type!r} are not supported")


def _enum(column_type: Any) -> ValueType:  # noqa: ANN401 - one of SQLAlchemy's types
    names = tuple(column_type.enums)
    if column_type.enum_class is None:
        return value_types.enumeration(dict(zip(names, names, strict=True)))
    return value_types.enumeration(dict(zip(names, column_type.enum_class.__members__.values(), strict=True)))


def _numeric(column_type: Any) -> ValueType:  # noqa: ANN401 - one of SQLAlchemy's types
    if not column_type.asdecimal:
        return value_types.NUMBER
    return value_types.decimal(column_type.precision, column_type.scale)


def _datetime(column_type: Any) -> ValueType:  # noqa: ANN401 - one of SQLAlchemy's types
    return value_types.DATETIME if column_type.timezone else value_types.NAIVE_DATETIME


def _uuid(column_type: Any) -> ValueType:  # noqa: ANN401 - one of SQLAlchemy's types
    if column_type.as_uuid:
        return value_types.UUID
    return ValueType("uuid", lambda value: str(value_types.UUID.load(value)), dump=lambda value: str(uuid.UUID(value)))


# The first match counts: subclasses come before their base classes.
_VALUE_TYPES: tuple[tuple[type[TypeEngine[Any]], Callable[[Any], ValueType]], ...] = (
    (types.Enum, _enum),
    (types.Boolean, lambda _: value_types.BOOLEAN),
    (types.SmallInteger, lambda _: value_types.integer(16)),
    (types.BigInteger, lambda _: value_types.integer(64)),
    (types.Integer, lambda _: value_types.integer(32)),
    (types.Numeric, _numeric),
    (types.Float, _numeric),
    (types.Uuid, _uuid),
    (types.String, lambda column_type: value_types.text(column_type.length)),
    (types.LargeBinary, lambda _: value_types.BYTES),
    (types.BINARY, lambda _: value_types.BYTES),
    (types.VARBINARY, lambda _: value_types.BYTES),
    (types.DateTime, _datetime),
    (types.Date, lambda _: value_types.DATE),
    (types.Time, lambda _: value_types.TIME),
    (types.Interval, lambda _: value_types.DURATION),
    (types.JSON, lambda _: value_types.JSON),
    (types.ARRAY, lambda column_type: value_types.array(value_type_of(column_type.item_type))),
)

OF_PYTHON_TYPES: dict[type, tuple[ValueType, TypeEngine[Any]]] = {
    bool: (value_types.BOOLEAN, types.Boolean()),
    int: (value_types.integer(64), types.BigInteger()),
    float: (value_types.NUMBER, types.Double()),
    str: (value_types.text(), types.Text()),
    bytes: (value_types.BYTES, types.LargeBinary()),
    Decimal: (value_types.decimal(None, None), types.Numeric()),
    datetime: (value_types.DATETIME, types.DateTime(timezone=True)),
    date: (value_types.DATE, types.Date()),
    time: (value_types.TIME, types.Time()),
    uuid.UUID: (value_types.UUID, types.Uuid()),
}
"""The value type and the column type of each Python type that SQL text may take and return."""


def dump(value: Any) -> Any:  # noqa: ANN401 - any value of a column
    """Return the JSON value of a result value, based on its Python type."""
    value_type, _ = OF_PYTHON_TYPES.get(type(value), (None, None))
    return value if value_type is None or value_type.dump is None else value_type.dump(value)
