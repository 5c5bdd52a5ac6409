"""The outbox: messages that were committed with their change and are not yet known to be published.

A row holds all messages of a group, so marking them as published is one row's delete. A lease says how long the one who
wrote a row is trusted to publish it; after that the relay takes it.
"""

import json
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import BigInteger, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.contract.codec import encode
from service.contract.message import Message
from service.storage.padding import padded
from service.storage.tables import now, outbox

LEASE = timedelta(seconds=60)
_LEASED_UNTIL = now() + bindparam("lease", type_=BigInteger)
ADD = insert(outbox).values(messages=bindparam("messages"), leased_until=_LEASED_UNTIL)
_FORGET = delete(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True)))


async def add(session: AsyncSession, messages: Sequence[Message]) -> int | None:
    """Store the messages of a group in their order; give the row's id, None where there are none."""
    if not messages:
        return None
    result = await session.execute(ADD, row(messages))
    key: int = result.inserted_primary_key[0]  # type: ignore[attr-defined]  # what an insert gives has it
    return key


def row(messages: Sequence[Message]) -> dict[str, object]:
    """Give what `ADD` stores."""
    return {"messages": encode(messages).decode(), "lease": _lease()}


async def read(session: AsyncSession, ids: Collection[int]) -> dict[int, list[Message]]:
    """Find the messages of some rows, oldest first; rows that are known to be published are gone."""
    if not ids:
        return {}
    query = select(outbox.c.id, outbox.c.messages).where(outbox.c.id.in_(padded(ids))).order_by(outbox.c.id)
    return {row.id: _messages(row.messages) for row in await session.execute(query)}


async def published(session: AsyncSession, ids: Collection[int]) -> None:
    """Mark rows as published. May be repeated."""
    if ids:
        await session.execute(_FORGET, {"ids": padded(ids)})


async def claim(session: AsyncSession, besides: Collection[int], limit: int) -> dict[int, list[Message]]:
    """Take over rows whose lease is over, oldest first, under a new lease.

    :param besides: rows to leave alone, since this process is publishing them
    """
    query = (
        select(outbox.c.id, outbox.c.messages)
        .where(outbox.c.leased_until < now(), outbox.c.id.not_in(besides))
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = {row.id: _messages(row.messages) for row in await session.execute(query)}
    if found:
        taken = outbox.c.id.in_(padded(found))
        await session.execute(update(outbox).where(taken).values(leased_until=_LEASED_UNTIL), {"lease": _lease()})
    return found


def _lease() -> int:
    return int(LEASE.total_seconds())


def _messages(stored: str) -> list[Message]:
    return [Message.from_json(message) for message in json.loads(stored)]
