"""The rows of a transaction: loaded and locked once, changed in memory, written together.

Writes stay pending until a statement could observe them, at the latest until the end of the group. They are executed in
an order that may fail where running the commands one by one would not (the group is then split); never the reverse.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ColumnElement, Executable, Result, Select
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from crudmq.contract.errors import Detail, LimitExceeded
from crudmq.execution.changes import Change, Links
from crudmq.execution.pending_writes import PendingWrites
from crudmq.execution.query.keys import has_key, in_key_order, one_of
from crudmq.resources.resource import Field, Key, Resource, Row
from crudmq.storage.dialects.constructs import chunks
from crudmq.storage.translation import rolling_back

_Identity = tuple[str, Key]
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class UnitOfWork:
    """The rows of one transaction, and the pending writes to them."""

    def __init__(self, session: AsyncSession) -> None:
        """Set the session of the transaction. No row is loaded yet."""
        self.session = session
        """The session; use `execute` for statements, which flushes first."""
        self.in_savepoint = False
        """Whether a savepoint is active, so that a failure can be rolled back separately."""
        self._known: dict[_Identity, Row | None] = {}
        self._locked: set[_Identity] = set()
        self._pending: PendingWrites | None = None

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> Result[Any]:
        """Flush the pending writes, then execute a statement.

        :raises sqlalchemy.exc.SQLAlchemyError: the database rejects a write or the statement
        """
        await self.flush()
        return await self.session.execute(statement, parameters)

    async def load(self, resource: Resource, keys: Iterable[Key], *, lock: bool) -> None:
        """Load the rows with these keys that are not loaded yet, in key order, and lock them if `lock`."""
        identities = {key: self._identity(resource, key) for key in keys}
        unknown = [key for key, identity in identities.items() if not self._is_known(identity, lock=lock)]
        for chunk in chunks(unknown, len(resource.key)):
            loaded = [identities[key] for key in chunk]
            self._known |= dict.fromkeys(loaded)
            await self._select(resource, in_key_order(resource).where(has_key(resource, chunk)), lock=lock)
            if lock:
                self._locked.update(loaded)

    async def find(self, resource: Resource, key: Key, *, lock: bool = True) -> Row | None:
        """Return the row with a key, with the changes of preceding commands; None if it does not exist.

        :param lock: whether to lock the row until the commit, in order to change it
        """
        pending = await self._pending_for(resource)
        identity = self._identity(resource, key)
        if pending.inserts and self._known.get(identity) is None:
            # One of the new rows may have got this key.
            await self.flush()
        if not self._is_known(identity, lock=lock):
            await self.load(resource, [key], lock=lock)
        return self._known[identity]

    async def select_for_update(self, resource: Resource, where: ColumnElement[bool], max_rows: int) -> list[Row]:
        """Load and lock the rows that match, in key order.

        :raises LimitExceeded: more than `max_rows` match
        """
        await self.flush()
        rows = await self._select(resource, in_key_order(resource).where(where).limit(max_rows + 1), lock=True)
        if len(rows) > max_rows:
            raise LimitExceeded(
                f"more than {max_rows} rows match", [Detail("max_rows", "is less than the number of matching rows")]
            )
        return rows

    async def get_by_unique(
        self, resource: Resource, fields: Sequence[Field], values: Collection[tuple[Any, ...]]
    ) -> list[Row]:
        """Load and lock the rows that have one of the combinations of values, in key order."""
        await self.flush()
        if not values:
            return []
        query = in_key_order(resource).where(one_of([field.column for field in fields], values))
        return await self._select(resource, query, lock=True)

    @asynccontextmanager
    async def savepoint(self, *, commit: bool) -> AsyncIterator[None]:
        """Run the block in a savepoint, which is rolled back if the block fails, or unless `commit`.

        :raises TransactionAborted: the failure ended the whole transaction
        """
        await self.flush()
        before = dict(self._known), set(self._locked)
        savepoint = await self.session.begin_nested()
        self.in_savepoint = True
        try:
            yield
            await self.flush()
        except BaseException as exc:
            with rolling_back(exc):
                await self._roll_back(savepoint, *before)
            raise
        finally:
            self.in_savepoint = False
        if commit:
            await savepoint.commit()
        else:
            await self._roll_back(savepoint, *before)

    def expire_all(self) -> None:
        """Discard all rows: a statement may have changed any of them."""
        self._known.clear()
        self._locked.clear()

    async def insert(self, resource: Resource, row: Row) -> Change:
        """Insert a row; generated values are known after the flush."""
        pending = await self._pending_for(resource)
        if pending.frees(row):
            # The new row has unique values of a deleted row.
            pending = await self._flush_and_continue(resource)
        change = Change(resource, None, row)
        pending.inserts.append(change)
        await self._flush_if_self_referencing(resource)
        return change

    async def update(self, resource: Resource, row: Row, values: Row, links: Links | None = None) -> Change:
        """Change a loaded row. Values that are equal do not count as a change.

        :param links: the changed links of the row; they count as a change of the row
        """
        pending = await self._pending_for(resource)
        changed = resource.differences(row, values)
        if resource.version is not None and (changed or links):
            name = resource.version.column.key
            changed[name] = row[name] + 1
        if not changed:
            return Change(resource, row, row, links or {})
        key = resource.identity(resource.key_of(row))
        if key in pending.updates:
            # Each version is written, so that constraints are checked for each of them.
            pending = await self._flush_and_continue(resource)
        change = Change(resource, row, {**row, **changed}, links or {})
        pending.updates[key] = change
        self._remember(change, change.after)
        await self._flush_if_self_referencing(resource)
        return change

    async def delete(self, resource: Resource, row: Row) -> Change:
        """Delete a loaded row."""
        pending = await self._pending_for(resource)
        change = Change(resource, row, None)
        pending.delete(change)
        self._remember(change, None)
        await self._flush_if_self_referencing(resource)
        return change

    async def flush(self) -> None:
        """Execute the pending writes."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        await pending.write(self.session)
        for change in (*pending.inserts, *pending.updates.values()):
            self._remember(change, change.after)
        for change in pending.deletes:
            self._remember(change, None)
        if pending.cascades:
            # The database may have changed rows of other tables.
            self._known = {identity: row for identity, row in self._known.items() if row is None}

    @staticmethod
    def _identity(resource: Resource, key: Key) -> _Identity:
        return resource.name, resource.identity(key)

    def _is_known(self, identity: _Identity, *, lock: bool) -> bool:
        # Another transaction may have changed a row that was read without a lock.
        return identity in self._known and (not lock or identity in self._locked)

    def _remember(self, change: Change, row: Row | None) -> None:
        identity = self._identity(change.resource, change.key)
        self._known[identity] = row
        self._locked.add(identity)

    async def _select(self, resource: Resource, query: Select[Any], *, lock: bool) -> list[Row]:
        locking = query.with_for_update(of=resource.table) if lock else query
        rows = [resource.row(values) for values in await self.session.execute(locking)]
        for row in rows:
            identity = self._identity(resource, resource.key_of(row))
            self._known[identity] = row
            if lock:
                self._locked.add(identity)
        return rows

    async def _roll_back(
        self, savepoint: AsyncSessionTransaction, known: dict[_Identity, Row | None], locked: set[_Identity]
    ) -> None:
        self._pending = None
        self._known, self._locked = known, locked
        if savepoint.is_active:
            await savepoint.rollback()

    async def _pending_for(self, resource: Resource) -> PendingWrites:
        """Return the pending writes to a resource."""
        # Foreign keys tie resources to each other, so writes wait for one resource at a time.
        if self._pending is not None and self._pending.resource is not resource:
            await self.flush()
        if self._pending is None:
            self._pending = PendingWrites(resource)
        return self._pending

    async def _flush_and_continue(self, resource: Resource) -> PendingWrites:
        await self.flush()
        return await self._pending_for(resource)

    async def _flush_if_self_referencing(self, resource: Resource) -> None:
        if resource.refers_to_itself:
            await self.flush()
