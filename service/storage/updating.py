"""Changing rows by their keys: with one statement where the order of the rows cannot matter and the database can."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Table, Update, bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.storage import arrays
from service.storage.foreign_keys import found_out


async def update_rows(
    session: AsyncSession, table: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Give the columns `names` of each row its values; the rows are found by their primary keys.

    Where a unique constraint has a say, they are changed one by one, in their order: it judges each state.
    """
    involved = [*table.primary_key, *(table.c[name] for name in names)]
    dialect = (await session.connection()).dialect.name
    async with found_out(session, table, [{name: row[name] for name in names} for row in rows]):
        if dialect == "postgresql" and len(rows) > 1 and _is_free(table, names):
            await session.execute(_at_once(table, names), arrays.values(involved, rows))
        else:
            found = [{arrays.name(column): row[column.key] for column in involved} for row in rows]
            await session.execute(_one(table, names), found)


@lru_cache(maxsize=1024)
def _one(table: Table, names: tuple[str, ...]) -> Update:
    return (
        update(table)
        .where(*(column == bindparam(arrays.name(column), type_=column.type) for column in table.primary_key))
        .values({name: bindparam(arrays.name(table.c[name]), type_=table.c[name].type) for name in names})
    )


@lru_cache(maxsize=1024)
def _at_once(table: Table, names: tuple[str, ...]) -> Update:
    given = arrays.given([*table.primary_key, *(table.c[name] for name in names)])
    return (
        update(table)
        .where(*(column == given.c[arrays.name(column)] for column in table.primary_key))
        .values({name: given.c[arrays.name(table.c[name])] for name in names})
    )


@lru_cache(maxsize=1024)
def _is_free(table: Table, names: tuple[str, ...]) -> bool:
    """Tell whether rows may change in any order: nothing that is known compares them, and arrays take them."""
    keys = [one for one in table.constraints if not isinstance(one, CheckConstraint | ForeignKeyConstraint)]
    indexes = [one for one in table.indexes if one.unique]
    compared = {column.key for one in (*keys, *indexes) for column in getattr(one, "columns", ())}
    return compared.isdisjoint(names) and arrays.fit([*table.primary_key, *(table.c[name] for name in names)])
