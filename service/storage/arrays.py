"""Rows as arrays, one for each column: a statement whose text does not depend on how many they are (PostgreSQL)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Date,
    DateTime,
    Enum,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Text,
    Time,
    Uuid,
    bindparam,
    func,
)
from sqlalchemy import column as named
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

_PLAIN = (Boolean, Date, DateTime, Integer, LargeBinary, Numeric, String, Time, Uuid)
ORDINAL = "ordinal"


def fit(columns: Iterable[Column[Any]]) -> bool:
    """Tell whether arrays take the values of these columns."""
    return all(isinstance(one.type, _PLAIN) and not isinstance(one.type, Enum) for one in columns)


def given(columns: Sequence[Column[Any]]) -> TableValuedAlias:
    """Give a table of the rows that `values` hands over, each column under its `name`, with their `ORDINAL`."""
    return (
        func.unnest(*(bindparam(name(one), type_=ARRAY(_element(one))) for one in columns))
        .table_valued(*(named(name(one), _element(one)) for one in columns), with_ordinality=ORDINAL, name="given")
        .render_derived()
    )


def values(columns: Iterable[Column[Any]], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Give the parameters of `given`."""
    return {name(one): [row[one.key] for row in rows] for one in columns}


def name(column: Column[Any]) -> str:
    """Name a column of the rows: another name than the table's own."""
    return f"the_{column.key}"


def _element(column: Column[Any]) -> TypeEngine[Any]:
    # A cast to a length would cut what is too long; the column refuses it.
    return Text() if isinstance(column.type, String) else column.type
