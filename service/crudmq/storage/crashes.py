"""Crash counts: how often the process crashed while it ran a redelivered command."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, event, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import await_only

from crudmq.storage.database import Database
from crudmq.storage.dialects.constructs import now, pad_to_power_of_two
from crudmq.storage.errors import Transient
from crudmq.storage.tables import crashes, prefix_of


async def counts(session: AsyncSession, ids: Collection[bytes]) -> dict[bytes, int]:
    """Return the crash count of each command that has one, by id."""
    if not ids:
        return {}
    query = select(crashes.c.id, crashes.c.number).where(_have(session, ids))
    return {row.id: row.number for row in await session.execute(query)}


async def record(session: AsyncSession, ids: Collection[bytes], number: int) -> None:
    """Set the crash count of commands. May be repeated.

    :raises Transient: another process recorded one of them at the same time
    """
    await clear(session, ids)
    prefix = prefix_of(session)
    try:
        await session.execute(insert(crashes), [{"id": id_, "prefix": prefix, "number": number} for id_ in ids])
    except IntegrityError as exc:
        raise Transient("another process is starting one of these commands") from exc


async def clear(session: AsyncSession, ids: Collection[bytes]) -> None:
    """Delete the crash counts of commands. May be repeated."""
    if ids:
        await session.execute(delete(crashes).where(_have(session, ids)))


async def prune(session: AsyncSession, retention: timedelta, before: int) -> None:
    """Delete the crash counts of commands that were last started before a time, and longer ago than `retention`."""
    is_old = and_(crashes.c.noted_at < now() - int(retention.total_seconds()), crashes.c.noted_at < before)
    await session.execute(delete(crashes).where(crashes.c.prefix == prefix_of(session), is_old))


class StatementObserver:
    """Awaits a function before each statement is compiled, and after its rows have arrived, while one is set."""

    def __init__(self, database: Database) -> None:
        """Set the database. Its statements cost nothing more before the first observation."""
        self._engine = database.engine.sync_engine
        self._observe: Callable[[], Awaitable[None]] | None = None
        self._is_listening = False

    @contextmanager
    def observing(self, observe: Callable[[], Awaitable[None]]) -> Iterator[None]:
        """Await `observe` in the block, for the statements of all tasks."""
        self._listen()
        self._observe = observe
        try:
            yield
        finally:
            self._observe = None

    def _listen(self) -> None:
        # Once and for all: SQLAlchemy iterates over the listeners while another task waits in one of them.
        if not self._is_listening:
            self._is_listening = True
            for name in ("before_execute", "after_cursor_execute"):
                event.listen(self._engine, name, self._call)

    def _call(self, *_: object) -> None:
        if self._observe is not None:
            await_only(self._observe())


def _have(session: AsyncSession, ids: Collection[bytes]) -> ColumnElement[bool]:
    return and_(crashes.c.id.in_(pad_to_power_of_two(ids)), crashes.c.prefix == prefix_of(session))
