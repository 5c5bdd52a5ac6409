"""The inbox: which commands took effect, and what they were answered.

The rows are inserted at the end of the command's own transaction, with the results. The primary key is the judge:
when two consumers run the same command at once, the second insert waits for the first commit and then fails, and with
it everything that its transaction did.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.storage.errors import Transient
from service.storage.padding import padded
from service.storage.tables import inbox, now

_LOOKUP = select(inbox.c.id, inbox.c.body, inbox.c.result, inbox.c.outbox_id).where(
    inbox.c.id.in_(bindparam("ids", expanding=True))
)


@dataclass(slots=True)
class Entry:
    """A command that took effect, or was refused for good."""

    id: bytes
    body: bytes
    result: str
    outbox_id: int | None = None


def digest(content: bytes) -> bytes:
    """Give the 16 bytes that stand for a message_id or a body."""
    return blake2b(content, digest_size=16).digest()


async def lookup(session: AsyncSession, ids: Collection[bytes]) -> dict[bytes, Entry]:
    """Find what is stored for some ids, with one statement."""
    if not ids:
        return {}
    found = await session.execute(_LOOKUP, {"ids": padded(ids)})
    return {row.id: Entry(*row) for row in found}


async def add(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Store what some commands came to, with one statement.

    :raises Transient: another consumer stored one of them meanwhile; run again, its answer will be found
    """
    if not entries:
        return
    rows = [
        {"id": entry.id, "body": entry.body, "result": entry.result, "outbox_id": entry.outbox_id}
        for entry in in_order(entries)
    ]
    try:
        await session.execute(insert(inbox), rows)
    except IntegrityError as exc:
        raise Transient("another consumer ran one of these commands") from exc


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Order entries by their keys, so that two consumers with the same commands cannot block each other."""
    return sorted(entries, key=lambda entry: entry.id)


async def forget(session: AsyncSession, retention: timedelta, limit: int) -> int:
    """Delete at most `limit` entries that are older than `retention`; give how many there were."""
    old = select(inbox.c.id).where(inbox.c.stored_at < now() - int(retention.total_seconds())).limit(limit)
    found = (await session.scalars(old)).all()
    if found:
        await session.execute(delete(inbox).where(inbox.c.id.in_(padded(found))))
    return len(found)
