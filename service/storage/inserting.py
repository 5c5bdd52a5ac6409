"""Inserting rows and learning what the database made of them: one statement wherever it can tell."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

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
    async with found_out(session, table, rows):
        if dialect.insert_returning:
            statement = insert(table).returning(*columns, sort_by_parameter_order=True)
            return [tuple(row) for row in await session.execute(statement, [dict(row) for row in rows])]
        return await _insert_and_read(session, table, columns, rows)


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
    return [by_key[key] for key in keys]


async def _insert_one(session: AsyncSession, table: Table, row: Values) -> tuple[Any, ...]:
    result = await session.execute(insert(table), dict(row))
    return tuple(result.inserted_primary_key)  # type: ignore[attr-defined]  # what an insert gives has it
