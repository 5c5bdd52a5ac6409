"""Which kind of value a column holds: the one place that reads SQLAlchemy's types."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import types
from sqlalchemy.types import TypeEngine

from service.resources import values
from service.resources.values import Kind


def kind_of(column_type: TypeEngine[Any]) -> Kind:
    """Find the kind of a column's type.

    :raises TypeError: there is none for it
    """
    for family, make in _KINDS:
        if isinstance(column_type, family):
            return make(column_type)
    if isinstance(column_type, types.TypeDecorator):
        return kind_of(column_type.impl_instance)
    raise TypeError(f"columns of type {column_type!r} cannot be exposed")


def _enum(column_type: Any) -> Kind:  # noqa: ANN401 - one of SQLAlchemy's types
    names = tuple(column_type.enums)
    if column_type.enum_class is None:
        return values.enumeration(dict(zip(names, names, strict=True)))
    return values.enumeration(dict(zip(names, column_type.enum_class.__members__.values(), strict=True)))


def _numeric(column_type: Any) -> Kind:  # noqa: ANN401 - one of SQLAlchemy's types
    if not column_type.asdecimal:
        return values.NUMBER
    return values.decimal(column_type.precision, column_type.scale)


def _moment(column_type: Any) -> Kind:  # noqa: ANN401 - one of SQLAlchemy's types
    return values.MOMENT if column_type.timezone else values.NAIVE_MOMENT


def _uuid(column_type: Any) -> Kind:  # noqa: ANN401 - one of SQLAlchemy's types
    if column_type.as_uuid:
        return values.UUID
    return Kind("uuid", lambda value: str(values.UUID.load(value)), dump=lambda value: str(uuid.UUID(value)))


# The first family that fits counts: subclasses stand before what they derive from.
_KINDS: tuple[tuple[type[TypeEngine[Any]], Callable[[Any], Kind]], ...] = (
    (types.Enum, _enum),
    (types.Boolean, lambda _: values.BOOLEAN),
    (types.SmallInteger, lambda _: values.integer(16)),
    (types.BigInteger, lambda _: values.integer(64)),
    (types.Integer, lambda _: values.integer(32)),
    (types.Numeric, _numeric),
    (types.Float, _numeric),
    (types.Uuid, _uuid),
    (types.String, lambda found: values.text(found.length)),
    (types.LargeBinary, lambda _: values.BYTES),
    (types.BINARY, lambda _: values.BYTES),
    (types.VARBINARY, lambda _: values.BYTES),
    (types.DateTime, _moment),
    (types.Date, lambda _: values.DATE),
    (types.Time, lambda _: values.TIME),
    (types.Interval, lambda _: values.SECONDS),
    (types.JSON, lambda _: values.JSON),
    (types.ARRAY, lambda found: values.array(kind_of(found.item_type))),
)
