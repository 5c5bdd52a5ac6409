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


@contextmanager
def observing_statements(database: Database, observe: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Await `observe` before each statement is compiled, and after its rows have arrived."""

    def call(*_: object) -> None:
        await_only(observe())

    engine = database.engine.sync_engine
    events = ("before_execute", "after_cursor_execute")
    for name in events:
        event.listen(engine, name, call)
    try:
        yield
    finally:
        for name in events:
            event.remove(engine, name, call)


def _have(session: AsyncSession, ids: Collection[bytes]) -> ColumnElement[bool]:
    return and_(crashes.c.id.in_(pad_to_power_of_two(ids)), crashes.c.prefix == prefix_of(session))
