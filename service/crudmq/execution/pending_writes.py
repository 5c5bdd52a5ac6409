"""Pending writes to one resource, executed together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.execution.changes import Change
from crudmq.execution.query.keys import has_key, in_key_order
from crudmq.resources.resource import Key, Resource, Row
from crudmq.storage.dialects import dialect_of
from crudmq.storage.dialects.constructs import chunks


@dataclass(slots=True)
class PendingWrites:
    """The pending inserts, updates and deletes. Each row is updated once at most, by the identity of its key."""

    resource: Resource
    inserts: list[Change] = field(default_factory=list)
    updates: dict[Key, Change] = field(default_factory=dict)
    deletes: list[Change] = field(default_factory=list)
    _freed: set[object] = field(default_factory=set)

    def delete(self, change: Change) -> None:
        """Add the delete of a row."""
        self.deletes.append(change)
        self._freed.update(_unique_values(self.resource, change.row))

    def frees(self, row: Row) -> bool:
        """Whether a pending delete frees unique values of a new row, as far as the mapping shows."""
        return bool(self._freed) and not self._freed.isdisjoint(_unique_values(self.resource, row))

    @property
    def cascades(self) -> bool:
        """Whether the database may change other rows along with these."""
        resource = self.resource
        return bool((self.deletes and resource.deletes_cascade) or (self.updates and resource.updates_cascade))

    async def write(self, session: AsyncSession) -> None:
        """Execute the inserts, then the updates, then the deletes; every change then has its `after`.

        :raises sqlalchemy.exc.SQLAlchemyError: the database rejects one of them
        """
        for columns, inserts in groupby(self.inserts, key=lambda change: tuple(change.row)):
            await self._insert(session, columns, list(inserts))
        for columns, updates in groupby(self.updates.values(), key=_changed_columns):
            rows = [change.row for change in updates]
            await dialect_of(session).update_rows(session, self.resource.table, columns, rows)
        if self.updates and self.resource.changes_itself:
            await self._reload(session)
        if self.deletes:
            await self._delete(session)

    async def _insert(self, session: AsyncSession, columns: Sequence[str], inserts: list[Change]) -> None:
        rows = [{name: change.row[name] for name in columns} for change in inserts]
        resource = self.resource
        inserted = await dialect_of(session).insert_rows(session, resource.table, resource.columns, rows)
        for change, row in zip(inserts, inserted, strict=True):
            change.after = resource.row(row)

    async def _reload(self, session: AsyncSession) -> None:
        resource = self.resource
        keys = [change.key for change in self.updates.values()]
        rows: dict[Key, Row] = {}
        for chunk in chunks(keys, len(resource.key)):
            selected = await session.execute(in_key_order(resource).where(has_key(resource, chunk)))
            rows |= {resource.identity(resource.key_of(row)): row for row in map(resource.row, selected)}
        for key, change in self.updates.items():
            change.after = rows[key]

    async def _delete(self, session: AsyncSession) -> None:
        table = self.resource.table
        keys = [change.key for change in self.deletes]
        rows = [change.row for change in self.deletes]
        async with dialect_of(session).explaining_foreign_key_violation(session, table, rows, deleting=True):
            if self.resource.refers_to_itself:
                await dialect_of(session).detach_from_themselves(session, table, rows)
            for chunk in chunks(keys, len(self.resource.key)):
                await session.execute(delete(table).where(has_key(self.resource, chunk)))


def _unique_values(resource: Resource, row: Row) -> list[object]:
    """Return the row's values of each unique key that it has completely; as text, since not all values are hashable."""
    return [
        (names, repr([row[name] for name in sorted(names)])) for names in resource.unique_keys if names <= row.keys()
    ]


def _changed_columns(change: Change) -> tuple[str, ...]:
    before, after = change.before or {}, change.after or {}
    return tuple(name for name in after if after[name] is not before[name])
