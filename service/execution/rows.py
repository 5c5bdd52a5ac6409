"""The rows that a transaction works on: loaded and locked once, changed in memory, written together.

Writes wait until something could tell the difference: at the latest the end of the group. They are written in an order
that can fail where the commands one by one would not (the group is then split), but never the other way round.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from sqlalchemy import Select, bindparam, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from service.execution.change import Change
from service.resources.resource import Key, Resource, Row
from service.storage.padding import padded


class Rows:
    """The rows of one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        """Begin with none."""
        self._session = session
        self._known: dict[tuple[str, Key], Row | None] = {}
        self._waiting: Resource | None = None
        self._inserts: list[Change] = []
        self._updates: dict[Key, Change] = {}
        self._deletes: list[Change] = []

    async def load(self, resource: Resource, keys: Iterable[Key], *, lock: bool) -> None:
        """Load the rows that have these keys, with one statement, in key order."""
        wanted = {key for key in keys if (resource.name, key) not in self._known}
        if not wanted:
            return
        query = select(*resource.columns).where(_has_key(resource, wanted)).order_by(*resource.table.primary_key)
        await self._remember(resource, query.with_for_update() if lock else query, wanted)

    async def _remember(self, resource: Resource, query: Select[tuple[object]], wanted: Iterable[Key]) -> None:
        for key in wanted:
            self._known[resource.name, key] = None
        for found in await self._session.execute(query):
            row = resource.row(found)
            self._known[resource.name, resource.key_of(row)] = row

    async def find(self, resource: Resource, key: Key, *, lock: bool = True) -> Row | None:
        """Give the row that has the key, as the commands before left it; None where there is none."""
        await self._turn_to(resource)
        place = (resource.name, key)
        if self._inserts and self._known.get(place) is None:
            # One of the new rows may have got this key.
            await self.flush()
        if place not in self._known:
            await self.load(resource, [key], lock=lock)
        return self._known[place]

    async def insert(self, resource: Resource, row: Row) -> Change:
        """Insert a row; what the database adds to it is known after the flush."""
        await self._turn_to(resource)
        if self._deletes:
            # A new row may take the place of a deleted one.
            await self.flush()
        change = Change(resource, None, row)
        self._inserts.append(change)
        await self._settle(resource)
        return change

    async def update(self, resource: Resource, row: Row, values: Row) -> Change:
        """Change a row that was found. Values that it has already change nothing."""
        await self._turn_to(resource)
        changed = resource.differences(row, values)
        if not changed:
            return Change(resource, row, row)
        key = resource.key_of(row)
        if key in self._updates:
            # Each version is written, so that a constraint judges each.
            await self.flush()
        if resource.version is not None:
            name = resource.version.column.key
            changed[name] = row[name] + 1
        change = Change(resource, row, {**row, **changed})
        self._updates[key] = change
        self._known[resource.name, key] = change.after
        await self._settle(resource)
        return change

    async def delete(self, resource: Resource, row: Row) -> Change:
        """Delete a row that was found."""
        await self._turn_to(resource)
        change = Change(resource, row, None)
        self._deletes.append(change)
        self._known[resource.name, resource.key_of(row)] = None
        await self._settle(resource)
        return change

    async def flush(self) -> None:
        """Write what waits: new rows, then changed ones, then deleted ones."""
        if self._waiting is None:
            return
        resource = self._waiting
        inserts, updates, deletes = self._inserts, list(self._updates.values()), self._deletes
        self._inserts, self._updates, self._deletes, self._waiting = [], {}, [], None
        for columns, run in groupby(inserts, key=lambda change: tuple(change.row)):
            await self._write_inserts(resource, columns, list(run))
        for columns, run in groupby(updates, key=_changed):
            await self._write_updates(resource, columns, list(run))
        if updates and resource.changes_itself:
            await self._reload(resource, updates)
        if deletes:
            await self._write_deletes(resource, deletes)

    async def _turn_to(self, resource: Resource) -> None:
        # Foreign keys tie resources to each other, so only one of them has writes waiting at a time.
        if self._waiting is not None and self._waiting is not resource:
            await self.flush()

    async def _settle(self, resource: Resource) -> None:
        self._waiting = resource
        if resource.refers_to_itself:
            await self.flush()

    async def _write_inserts(self, resource: Resource, columns: Sequence[str], inserts: list[Change]) -> None:
        statement = insert(resource.table).returning(*resource.columns, sort_by_parameter_order=True)
        rows = [{name: change.row[name] for name in columns} for change in inserts]
        for change, found in zip(inserts, await self._session.execute(statement, rows), strict=True):
            change.after = resource.row(found)
            self._known[resource.name, change.key] = change.after

    async def _write_updates(self, resource: Resource, columns: Sequence[str], updates: list[Change]) -> None:
        keys = tuple(resource.table.primary_key)
        statement = (
            update(resource.table)
            .where(*(column == bindparam(f"key_{column.key}", type_=column.type) for column in keys))
            .values({name: bindparam(f"new_{name}", type_=resource.table.c[name].type) for name in columns})
        )
        rows = [
            {f"key_{column.key}": change.row[column.key] for column in keys}
            | {f"new_{name}": change.row[name] for name in columns}
            for change in updates
        ]
        await self._session.execute(statement, rows)

    async def _reload(self, resource: Resource, updates: list[Change]) -> None:
        keys = [change.key for change in updates]
        await self._remember(resource, select(*resource.columns).where(_has_key(resource, keys)), ())
        for change, key in zip(updates, keys, strict=True):
            change.after = self._known[resource.name, key]

    async def _write_deletes(self, resource: Resource, deletes: list[Change]) -> None:
        keys = [change.key for change in deletes]
        await self._session.execute(delete(resource.table).where(_has_key(resource, keys)))
        if resource.cascades:
            # The database may have changed rows of others with them.
            self._known = {place: row for place, row in self._known.items() if row is None}


def _has_key(resource: Resource, keys: Iterable[Key]) -> ColumnElement[bool]:
    columns = tuple(resource.table.primary_key)
    if len(columns) == 1:
        return columns[0].in_(padded([key[0] for key in keys]))
    return tuple_(*columns).in_(padded(list(keys)))


def _changed(change: Change) -> tuple[str, ...]:
    before, after = change.before or {}, change.after or {}
    return tuple(name for name in after if after[name] is not before[name])
