"""Inserting rows and learning what the database made of them: one statement wherever it can tell."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sqlalchemy import Column, Insert, Table, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from service.storage import arrays
from service.storage.errors import Broken
from service.storage.foreign_keys import found_out
from service.storage.padding import padded

Values = Mapping[str, Any]
"""A row to insert, by column key."""


async def insert_rows(
    session: AsyncSession, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Values]
) -> list[tuple[Any, ...]]:
    """Insert rows that say the same columns; give `columns` of each as they are stored, in the order of the rows."""
    if not rows:
        return []
    dialect = (await session.connection()).dialect
    names = tuple(rows[0])
    async with found_out(session, table, rows):
        if dialect.name == "postgresql" and len(rows) > 1 and _is_countable(table, names):
            found = await session.execute(_at_once(table, names, tuple(columns)), _arrays(table, names, rows))
            return _in_order(found.all())
        if dialect.insert_returning:
            statement = insert(table).returning(*columns, sort_by_parameter_order=True)
            return [tuple(row) for row in await session.execute(statement, [dict(row) for row in rows])]
        return await _insert_and_read(session, table, columns, rows)


def _in_order(found: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Take the numbers off.

    :raises Broken: they do not count up, so nobody knows which row is whose; one by one it is known
    """
    if any(one[0] >= following[0] for one, following in pairwise(found)):
        raise Broken("the database does not number rows in their order")
    return [tuple(row[1:]) for row in found]


@lru_cache(maxsize=1024)
def _is_countable(table: Table, names: tuple[str, ...]) -> bool:
    """Tell whether arrays take the rows, and the database numbers them: in their order, so each is known again."""
    number = table.autoincrement_column
    ours = [column.key for column in table.columns if column.default is not None]
    if number is None or number.key in names or len(table.primary_key) > 1 or not names:
        return False
    return set(ours) <= set(names) and arrays.fit(table.c[name] for name in names)


@lru_cache(maxsize=1024)
def _at_once(table: Table, names: tuple[str, ...], columns: tuple[Column[Any], ...]) -> Insert:
    given = arrays.given([table.c[name] for name in names])
    rows = select(*(given.c[arrays.name(table.c[name])] for name in names)).order_by(given.c[arrays.ORDINAL])
    # Defaults are for the database to compute, after the rows were sorted.
    return insert(table).from_select(list(names), rows, include_defaults=False).returning(*table.primary_key, *columns)


def _arrays(table: Table, names: Sequence[str], rows: Sequence[Values]) -> dict[str, list[Any]]:
    return arrays.values([table.c[name] for name in names], rows)


async def _insert_and_read(
    session: AsyncSession, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Values]
) -> list[tuple[Any, ...]]:
    """Do without `RETURNING`: the keys that the database makes are known one row at a time."""
    key = tuple(table.primary_key)
    if all(column.key in rows[0] for column in key):
        await session.execute(insert(table), [dict(row) for row in rows])
        keys = [tuple(row[column.key] for column in key) for row in rows]
    else:
        keys = [await _insert_one(session, table, row) for row in rows]
    wanted = key[0].in_(padded([key[0] for key in keys])) if len(key) == 1 else tuple_(*key).in_(padded(keys))
    found = await session.execute(select(*key, *columns).where(wanted))
    by_key = {tuple(row[: len(key)]): tuple(row[len(key) :]) for row in found}
    if not by_key.keys() >= set(keys):
        # A key may come back as another value than it went: a time loses its offset.
        return [await _read_one(session, key, columns, values) for values in keys]
    return [by_key[key] for key in keys]


async def _read_one(
    session: AsyncSession, key: Sequence[Column[Any]], columns: Sequence[Column[Any]], values: tuple[Any, ...]
) -> tuple[Any, ...]:
    is_it = (column == value for column, value in zip(key, values, strict=True))
    return tuple((await session.execute(select(*columns).where(*is_it))).one())


async def _insert_one(session: AsyncSession, table: Table, row: Values) -> tuple[Any, ...]:
    result = await session.execute(insert(table), dict(row))
    return tuple(result.inserted_primary_key)  # type: ignore[attr-defined]  # what an insert gives has it
