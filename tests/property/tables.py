"""Read and empty the tables of a service."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Row, null, select, update

from crudmq.storage.database import Database
from crudmq.storage.tables import metadata as service_tables
from tests.property import models
from tests.property.reference.schema import RESOURCES

TableRows = dict[str, list[dict[str, Any]]]


def relax(connection: Connection) -> None:
    """Make commits cheap if the database supports it: the data need not survive a crash."""
    if connection.dialect.name == "postgresql":
        name = connection.dialect.identifier_preparer.quote(connection.engine.url.database or "")
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")


async def rows(database: Database) -> TableRows:
    """Return all rows of each table in the order of their keys, hidden fields too, as the model holds them."""
    rows_by_table: TableRows = {}
    async with database.engine.connect() as connection:
        for name in RESOURCES:
            table = models.Base.metadata.tables[name]
            selected = await connection.execute(select(table).order_by(*table.primary_key))
            rows_by_table[name] = [_plain(name, row) for row in selected.all()]
        links = models.thing_tags
        rows_by_table["links"] = [dict(row) for row in (await connection.execute(select(links))).mappings()]
    return rows_by_table


async def clear(database: Database) -> None:
    """Empty all tables, the service's own too."""
    async with database.writing_engine.begin() as connection:
        await connection.execute(update(models.Node).values(parent_id=null()))
        for table in (*reversed(models.Base.metadata.sorted_tables), *service_tables.sorted_tables):
            await connection.execute(table.delete())


def _plain(resource: str, row: Row[Any]) -> dict[str, Any]:
    """Return a row as the model holds it: times with their zone, members by name, JSON as text."""
    return {name: _value(value) for name, value in zip(RESOURCES[resource].fields, row, strict=True)}


def _value(value: Any) -> Any:  # noqa: ANN401 - values of any type
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if isinstance(value, Enum):
        return value.name
    return value
