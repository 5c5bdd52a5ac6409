"""Writes to one resource that wait to be made together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from service.execution.change import Change
from service.execution.keys import has_key, in_key_order
from service.resources.resource import Key, Resource, Row
from service.storage.foreign_keys import found_out
from service.storage.inserting import insert_rows
from service.storage.padding import parts
from service.storage.updating import update_rows


@dataclass(slots=True)
class Writes:
    """What waits. Each row is updated once at most, by the identity of its key."""

    resource: Resource
    inserts: list[Change] = field(default_factory=list)
    updates: dict[Key, Change] = field(default_factory=dict)
    deletes: list[Change] = field(default_factory=list)
    _freed: set[object] = field(default_factory=set)

    def delete(self, change: Change) -> None:
        """Have a row deleted."""
        self.deletes.append(change)
        self._freed.update(_unique_values(self.resource, change.row))

    def frees(self, row: Row) -> bool:
        """Tell whether a new row has unique values of one that waits to be deleted, as far as the mapping knows."""
        return bool(self._freed) and not self._freed.isdisjoint(_unique_values(self.resource, row))

    @property
    def cascade(self) -> bool:
        """Tell whether the database may change other rows with these."""
        traits = self.resource
        return bool((self.deletes and traits.deletes_cascade) or (self.updates and traits.updates_cascade))

    async def make(self, session: AsyncSession) -> None:
        """Write new rows, then changed ones, then deleted ones; every change then knows its `after`.

        :raises sqlalchemy.exc.SQLAlchemyError: the database does not take it
        """
        for columns, run in groupby(self.inserts, key=lambda change: tuple(change.row)):
            await self._insert(session, columns, list(run))
        for columns, run in groupby(self.updates.values(), key=_changed):
            await self._update(session, columns, list(run))
        if self.updates and self.resource.changes_itself:
            await self._reload(session)
        if self.deletes:
            keys = [change.key for change in self.deletes]
            deleted = [change.row for change in self.deletes]
            async with found_out(session, self.resource.table, deleted, deleting=True):
                for part in parts(keys, len(self.resource.key)):
                    await session.execute(delete(self.resource.table).where(has_key(self.resource, part)))

    async def _insert(self, session: AsyncSession, columns: Sequence[str], inserts: list[Change]) -> None:
        rows = [{name: change.row[name] for name in columns} for change in inserts]
        stored = await insert_rows(session, self.resource.table, self.resource.columns, rows)
        for change, found in zip(inserts, stored, strict=True):
            change.after = self.resource.row(found)

    async def _update(self, session: AsyncSession, columns: tuple[str, ...], updates: list[Change]) -> None:
        await update_rows(session, self.resource.table, columns, [change.row for change in updates])

    async def _reload(self, session: AsyncSession) -> None:
        resource = self.resource
        keys = [change.key for change in self.updates.values()]
        rows: dict[Key, Row] = {}
        for part in parts(keys, len(resource.key)):
            found = await session.execute(in_key_order(resource).where(has_key(resource, part)))
            rows |= {resource.identity(resource.key_of(row)): row for row in map(resource.row, found)}
        for key, change in self.updates.items():
            change.after = rows[key]


def _unique_values(resource: Resource, row: Row) -> list[object]:
    """Give the values under each unique key that a row has all of; as text, since not all of them can be hashed."""
    return [
        (names, repr([row[name] for name in sorted(names)])) for names in resource.unique_keys if names <= row.keys()
    ]


def _changed(change: Change) -> tuple[str, ...]:
    before, after = change.before or {}, change.after or {}
    return tuple(name for name in after if after[name] is not before[name])
