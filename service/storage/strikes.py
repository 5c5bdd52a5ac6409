"""Strikes: how often the process ended while it ran a command that had come back before."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.storage.errors import Transient
from service.storage.padding import padded
from service.storage.tables import now, strikes


async def numbers(session: AsyncSession, commands: Collection[bytes]) -> dict[bytes, int]:
    """Find how many the commands have; those that have none are left out."""
    if not commands:
        return {}
    query = select(strikes.c.id, strikes.c.number).where(strikes.c.id.in_(padded(commands)))
    return {row.id: row.number for row in await session.execute(query)}


async def add(session: AsyncSession, commands: Collection[bytes]) -> int:
    """Note one more for each, and give how many the one with the most has.

    :raises Transient: another consumer noted one meanwhile
    """
    found = await numbers(session, commands)
    if found:
        again = strikes.c.id.in_(padded(found))
        await session.execute(update(strikes).where(again).values(number=strikes.c.number + 1, noted_at=now()))
    if new := [{"id": one, "number": 1} for one in commands if one not in found]:
        try:
            await session.execute(insert(strikes), new)
        except IntegrityError as exc:
            raise Transient("another consumer is about to run one of these commands too") from exc
    return max(found.values(), default=0) + 1


async def clear(session: AsyncSession, commands: Collection[bytes]) -> None:
    """Forget them. May be repeated."""
    if commands:
        await session.execute(delete(strikes).where(strikes.c.id.in_(padded(commands))))


async def forget(session: AsyncSession, retention: timedelta) -> None:
    """Delete those of commands that never came again."""
    await session.execute(delete(strikes).where(strikes.c.noted_at < now() - int(retention.total_seconds())))
