"""The rows that a transaction works on: loaded and locked once, changed in memory, written together.

Writes wait until something could tell the difference: at the latest the end of the group. They are written in an order
that can fail where the commands one by one would not (the group is then split), but never the other way round.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from service.contract.errors import Detail, LimitExceeded
from service.execution.change import Change, Links
from service.execution.keys import has_key, in_key_order, one_of
from service.execution.undoing import undoing
from service.execution.writes import Writes
from service.resources.resource import Field, Key, Resource, Row
from service.storage.padding import parts

_Place = tuple[str, Key]


class Rows:
    """The rows of one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        """Begin with none."""
        self.session = session
        """What reads may be made on, once `flush` was called."""
        self.is_guarded = False
        """Whether a savepoint is held: what fails can be undone alone."""
        self._known: dict[_Place, Row | None] = {}
        self._ours: set[_Place] = set()
        self._waiting: Writes | None = None

    async def load(self, resource: Resource, keys: Iterable[Key], *, lock: bool) -> None:
        """Load the rows that have these keys, in key order, unless they are known, and locked where that is wanted."""
        places = {key: self._place(resource, key) for key in keys}
        wanted = [key for key, place in places.items() if not self._is_known(place, lock=lock)]
        for part in parts(wanted, len(resource.key)):
            here = [places[key] for key in part]
            self._known |= dict.fromkeys(here)
            await self._remember(resource, in_key_order(resource).where(has_key(resource, part)), lock=lock)
            if lock:
                self._ours.update(here)

    async def find(self, resource: Resource, key: Key, *, lock: bool = True) -> Row | None:
        """Give the row that has the key, as the commands before left it; None where there is none.

        :param lock: whether it is to be changed: nobody else may do so from here to the commit
        """
        writes = await self._turn_to(resource)
        place = self._place(resource, key)
        if writes.inserts and self._known.get(place) is None:
            # One of the new rows may have got this key.
            await self.flush()
        if not self._is_known(place, lock=lock):
            await self.load(resource, [key], lock=lock)
        return self._known[place]

    async def matching(self, resource: Resource, where: ColumnElement[bool], most: int) -> list[Row]:
        """Load and lock the rows that match, in key order.

        :raises LimitExceeded: there are more than `most`
        """
        await self.flush()
        found = await self._remember(resource, in_key_order(resource).where(where).limit(most + 1), lock=True)
        if len(found) > most:
            raise LimitExceeded(f"more than {most} rows match", [Detail("max_rows", "is less than what matches")])
        return found

    async def having(
        self, resource: Resource, fields: Sequence[Field], values: Collection[tuple[Any, ...]]
    ) -> list[Row]:
        """Load and lock the rows that have one of the combinations of values."""
        await self.flush()
        if not values:
            return []
        query = in_key_order(resource).where(one_of([field.column for field in fields], values))
        return await self._remember(resource, query, lock=True)

    @asynccontextmanager
    async def savepoint(self, *, keep: bool) -> AsyncIterator[None]:
        """Do what may fail half-way: what is done inside is undone if it does, or if it is not to be kept.

        :raises UndoneError: what failed took the whole transaction with it
        """
        await self.flush()
        before = dict(self._known), set(self._ours)
        nested = await self.session.begin_nested()
        self.is_guarded = True
        try:
            yield
            await self.flush()
        except BaseException as exc:
            with undoing(exc):
                await self._undo(nested, *before)
            raise
        finally:
            self.is_guarded = False
        if keep:
            await nested.commit()
        else:
            await self._undo(nested, *before)

    def forget(self) -> None:
        """Take nothing for known any more: somebody else may have changed it in this transaction."""
        self._known.clear()
        self._ours.clear()

    async def insert(self, resource: Resource, row: Row) -> Change:
        """Insert a row; what the database adds to it is known after the flush."""
        writes = await self._turn_to(resource)
        if writes.frees(row):
            # The new row takes the place of a deleted one.
            await self.flush()
            writes = await self._turn_to(resource)
        change = Change(resource, None, row)
        writes.inserts.append(change)
        await self._settle(resource)
        return change

    async def update(self, resource: Resource, row: Row, values: Row, links: Links | None = None) -> Change:
        """Change a row that was found. Values that it has already change nothing.

        :param links: what was changed in the row's links: that is a change of the row as well
        """
        writes = await self._turn_to(resource)
        changed = resource.differences(row, values)
        if resource.version is not None and (changed or links):
            name = resource.version.column.key
            changed[name] = row[name] + 1
        if not changed:
            return Change(resource, row, row, links or {})
        key = resource.identity(resource.key_of(row))
        if key in writes.updates:
            # Each version is written, so that a constraint judges each.
            await self.flush()
            writes = await self._turn_to(resource)
        change = Change(resource, row, {**row, **changed}, links or {})
        writes.updates[key] = change
        self._note(change, change.after)
        await self._settle(resource)
        return change

    async def delete(self, resource: Resource, row: Row) -> Change:
        """Delete a row that was found."""
        writes = await self._turn_to(resource)
        change = Change(resource, row, None)
        writes.delete(change)
        self._note(change, None)
        await self._settle(resource)
        return change

    async def flush(self) -> None:
        """Write what waits."""
        writes, self._waiting = self._waiting, None
        if writes is None:
            return
        await writes.make(self.session)
        for change in (*writes.inserts, *writes.updates.values()):
            self._note(change, change.after)
        for change in writes.deletes:
            self._note(change, None)
        if writes.cascade:
            # The database may have changed rows of others with them.
            self._known = {place: row for place, row in self._known.items() if row is None}

    @staticmethod
    def _place(resource: Resource, key: Key) -> _Place:
        return resource.name, resource.identity(key)

    def _is_known(self, place: _Place, *, lock: bool) -> bool:
        # What was read without a lock may have been changed by others since.
        return place in self._known and (not lock or place in self._ours)

    def _note(self, change: Change, row: Row | None) -> None:
        place = self._place(change.resource, change.key)
        self._known[place] = row
        self._ours.add(place)

    async def _remember(self, resource: Resource, query: Select[Any], *, lock: bool) -> list[Row]:
        locking = query.with_for_update(of=resource.table) if lock else query
        found = [resource.row(one) for one in await self.session.execute(locking)]
        for row in found:
            place = self._place(resource, resource.key_of(row))
            self._known[place] = row
            if lock:
                self._ours.add(place)
        return found

    async def _undo(self, nested: AsyncSessionTransaction, known: dict[_Place, Row | None], ours: set[_Place]) -> None:
        self._waiting = None
        self._known, self._ours = known, ours
        if nested.is_active:
            await nested.rollback()

    async def _turn_to(self, resource: Resource) -> Writes:
        """Give the writes that wait on a resource."""
        # Foreign keys tie resources to each other, so only one of them has writes waiting at a time.
        if self._waiting is not None and self._waiting.resource is not resource:
            await self.flush()
        if self._waiting is None:
            self._waiting = Writes(resource)
        return self._waiting

    async def _settle(self, resource: Resource) -> None:
        if resource.refers_to_itself:
            await self.flush()
