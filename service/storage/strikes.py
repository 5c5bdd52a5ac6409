"""Strikes: how often the process ended while it ran a command that had come back before."""

from datetime import timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.storage.errors import Transient
from service.storage.tables import now, strikes


async def add(session: AsyncSession, command: bytes) -> int:
    """Note one more, and give how many there are.

    :raises Transient: another consumer noted one meanwhile
    """
    mine = strikes.c.id == command
    number: int | None = await session.scalar(select(strikes.c.number).where(mine))
    if number is None:
        try:
            await session.execute(insert(strikes).values(id=command, number=1))
        except IntegrityError as exc:
            raise Transient("another consumer is about to run this command too") from exc
        return 1
    await session.execute(update(strikes).where(mine).values(number=number + 1))
    return number + 1


async def clear(session: AsyncSession, command: bytes) -> None:
    """Forget them. May be repeated."""
    await session.execute(delete(strikes).where(strikes.c.id == command))


async def forget(session: AsyncSession, retention: timedelta) -> None:
    """Delete those of commands that never came again."""
    await session.execute(delete(strikes).where(strikes.c.noted_at < now() - int(retention.total_seconds())))
