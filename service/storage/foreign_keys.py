"""Which foreign key SQLite means: it says that one is broken, and no more."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Table, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.storage.constraints import Constraint, violated
from service.storage.errors import Refused
from service.storage.padding import padded, parts

_HARMLESS = ("CASCADE", "SET NULL", "SET DEFAULT")


@asynccontextmanager
async def found_out(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]], *, deleting: bool = False
) -> AsyncIterator[None]:
    """Find the foreign key that a write of these rows breaks, by looking, where the database does not say it.

    :param rows: what is written, by column key; what is deleted, where `deleting`
    :raises Refused: SQLite did not allow the write; the transaction can only be rolled back
    """
    try:
        yield
    except IntegrityError as exc:
        constraint = violated(exc.orig, exc.statement)
        if session.get_bind().dialect.name != "sqlite" or constraint is None or constraint.kind != "foreign_key":
            raise
        look = _still_referred_to if deleting else _without_parent
        found = await look(session, table, rows)
        if found is None:
            raise
        name = str(found.name) if isinstance(found.name, str) else None
        columns = tuple(column.name for column in found.columns)
        raise Refused(Constraint("foreign_key", found.table.name, name, columns)) from exc


async def _without_parent(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]
) -> ForeignKeyConstraint | None:
    for foreign_key in _in_order(table):
        children = [element.parent for element in foreign_key.elements]
        parents = [element.column for element in foreign_key.elements]
        wanted = {tuple(row.get(column.key) for column in children) for row in rows}
        wanted = {values for values in wanted if None not in values}
        for part in parts(wanted, len(parents)):
            found = await session.execute(select(*parents).where(tuple_(*parents).in_(padded(part))))
            if set(part) - {tuple(row) for row in found}:
                return foreign_key
    return None


async def _still_referred_to(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]
) -> ForeignKeyConstraint | None:
    for foreign_key in _referring_to(table):
        children = [element.parent for element in foreign_key.elements]
        wanted = {tuple(row[element.column.key] for element in foreign_key.elements) for row in rows}
        for part in parts(wanted, len(children)):
            query = select(*children).where(tuple_(*children).in_(padded(part))).limit(1)
            if (await session.execute(query)).first() is not None:
                return foreign_key
    return None


def _referring_to(table: Table) -> Iterable[ForeignKeyConstraint]:
    for other in table.metadata.tables.values():
        for foreign_key in _in_order(other):
            if foreign_key.referred_table is table and (foreign_key.ondelete or "").upper() not in _HARMLESS:
                yield foreign_key


def _in_order(table: Table) -> list[ForeignKeyConstraint]:
    """Give the foreign keys in the order of their columns, in which databases check them as a rule."""
    places = {column: place for place, column in enumerate(table.columns)}
    return sorted(table.foreign_key_constraints, key=lambda one: [places[column] for column in one.columns])
