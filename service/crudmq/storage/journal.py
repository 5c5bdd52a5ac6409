"""The journal of a transaction: the inbox and the outbox.

Inbox entries record the commands that took effect, and their results. They are inserted at the end of the transaction
of the commands. If two processes run the same command concurrently, the primary key decides: the second insert waits
for the first commit, and then fails together with its transaction.

Outbox rows hold the messages of a transaction until they are confirmed, all messages of a group in one row. Until the
lease of a row expires, only its writer publishes it; after that, any process may claim it.

A fault of these tables, such as a missing privilege, is raised as `DatabaseUnavailable`: it concerns all commands.

Both belong to the service with the prefix of the session's `Database`: several services may share a database.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from hashlib import blake2b
from secrets import randbelow
from typing import Any, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, literal_column, not_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.contract.codec import encode
from crudmq.contract.result import Message
from crudmq.storage.dialects import dialect_of
from crudmq.storage.dialects.constructs import chunks, now, pad_to_power_of_two
from crudmq.storage.errors import AlreadyRecorded, DatabaseFault, DatabaseUnavailable
from crudmq.storage.tables import inbox, outbox, prefix_of
from crudmq.storage.translation import translated

P = ParamSpec("P")
T = TypeVar("T")

LEASE = timedelta(seconds=60)

_MAX_TOKEN = 2**63 - 1
_HAS_ID = inbox.c.id.in_(bindparam("ids", expanding=True))
_LOOKUP = select(inbox.c.id, inbox.c.body, inbox.c.result, inbox.c.outbox_id, inbox.c.prefix).where(_HAS_ID)
# Not the plain column: without statistics, PostgreSQL would search the index of the prefix, and not the one of the ids.
_IS_OWN = and_(_HAS_ID, inbox.c.prefix + literal_column("''") == bindparam("owner"))
_DELETE = delete(outbox).where(
    outbox.c.id.in_(bindparam("ids", expanding=True)), outbox.c.token.in_(bindparam("tokens", expanding=True))
)


class OutboxKey(NamedTuple):
    """Identifies an outbox row.

    The id is not enough: if the database loses its last transactions in a failover, it assigns their ids again.
    """

    id: int
    token: int


@dataclass(slots=True)
class Entry:
    """A command that took effect or was rejected permanently: the digests of its id and its body, and its result."""

    id: bytes
    body: bytes
    result: str
    outbox_id: int | None = None
    """The outbox row that holds the command's messages; None for an entry that is not recorded yet."""


def _concerning_all_commands(do: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Have a function raise faults of the tables as `DatabaseUnavailable`."""

    @wraps(do)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with translated():
                return await do(*args, **kwargs)
        except DatabaseFault as exc:
            raise DatabaseUnavailable(f"the inbox or the outbox cannot be used: {exc}") from exc

    return run


def digest(content: bytes) -> bytes:
    """Return the 16 bytes that identify a message_id or a body."""
    return blake2b(content, digest_size=16).digest()


@_concerning_all_commands
async def lookup(session: AsyncSession, ids: Collection[bytes]) -> dict[bytes, Entry]:
    """Return the entries with these ids, by id, with one statement."""
    if not ids:
        return {}
    rows = await session.execute(_LOOKUP, {"ids": pad_to_power_of_two(ids)})
    owner = prefix_of(session)
    # Not in SQL: a condition on the prefix would mislead PostgreSQL in its choice of an index.
    return {row.id: Entry(*row[:-1]) for row in rows if row.prefix == owner}


@_concerning_all_commands
async def record(session: AsyncSession, entries: Collection[Entry], messages: Sequence[Message]) -> OutboxKey | None:
    """Insert the entries of a transaction, and its messages as one outbox row under a lease.

    :returns: the key of the outbox row; None if there are no messages
    :raises AlreadyRecorded: another transaction has recorded one of the commands; this one can only be rolled back
    """
    prefix, token = prefix_of(session), 1 + randbelow(_MAX_TOKEN)
    # In the order of the keys, so that two transactions with the same commands cannot deadlock.
    rows = [
        {"id": entry.id, "body": entry.body, "result": entry.result}
        for entry in sorted(entries, key=lambda entry: entry.id)
    ]
    row = {"token": token, "messages": encode(messages).decode(), "lease": _seconds(LEASE)} if messages else None
    try:
        outbox_id = await dialect_of(session).record(session, inbox, outbox, prefix, rows, row)
    except IntegrityError as exc:
        raise AlreadyRecorded("the inbox already has one of these commands") from exc
    return None if outbox_id is None else OutboxKey(outbox_id, token)


@_concerning_all_commands
async def unpublished(
    session: AsyncSession, outbox_ids: Collection[int], excluding: Collection[OutboxKey]
) -> dict[OutboxKey, list[Message]]:
    """Return the messages of those outbox rows that are not known to be published, oldest first.

    :param excluding: rows to skip, since this process is publishing them
    """
    if not outbox_ids:
        return {}
    skipped = [key for key in excluding if key.id in outbox_ids]
    return await _messages(session, _rows(session, skipped).where(outbox.c.id.in_(pad_to_power_of_two(outbox_ids))))


@_concerning_all_commands
async def delete_published(session: AsyncSession, keys: Collection[OutboxKey]) -> None:
    """Delete outbox rows whose messages are published. May be repeated."""
    if keys:
        ids, tokens = zip(*pad_to_power_of_two(keys), strict=True)
        await session.execute(_DELETE, {"ids": ids, "tokens": tokens})


@_concerning_all_commands
async def claim_expired(
    session: AsyncSession, excluding: Collection[OutboxKey], limit: int
) -> dict[OutboxKey, list[Message]]:
    """Claim at most `limit` outbox rows with expired leases under a new lease; return their messages, oldest first.

    :param excluding: rows to skip, since this process is publishing them
    """
    expired = _rows(session, excluding).where(outbox.c.leased_until < now()).limit(limit)
    claimed = await _messages(session, expired.with_for_update(skip_locked=True))
    if claimed:
        is_claimed = outbox.c.id.in_(pad_to_power_of_two([key.id for key in claimed]))
        await session.execute(update(outbox).where(is_claimed).values(leased_until=now() + _seconds(LEASE)))
    return claimed


async def current_time(session: AsyncSession) -> int:
    """Return the time of the database, in the unit of `stored_at`."""
    return int(await session.scalar(select(now())) or 0)


@_concerning_all_commands
async def renew(session: AsyncSession, keys: Collection[OutboxKey]) -> None:
    """Give outbox rows that this process is publishing a new lease."""
    for chunk in chunks(sorted(keys), 2):
        await session.execute(update(outbox).where(_have(chunk)).values(leased_until=now() + _seconds(LEASE)))


@_concerning_all_commands
async def refresh(session: AsyncSession, ids: Collection[bytes]) -> None:
    """Set the age of the entries with these ids to zero."""
    for chunk in chunks(sorted(ids), 1):
        await session.execute(update(inbox).where(_IS_OWN).values(stored_at=now()), _own(session, chunk))


@_concerning_all_commands
async def prune(session: AsyncSession, retention: timedelta, before: int, limit: int) -> int:
    """Delete at most `limit` entries older than `retention` and stored before a time; return how many were deleted.

    Keeps those whose messages are not known to be published: their commands cannot be acknowledged.
    """
    is_old = and_(inbox.c.stored_at < now() - _seconds(retention), inbox.c.stored_at < before)
    is_unpublished = select(outbox.c.id).where(outbox.c.id == inbox.c.outbox_id).exists()
    unneeded = select(inbox.c.id).where(inbox.c.prefix == prefix_of(session), is_old, ~is_unpublished)
    ids = (await session.scalars(unneeded.limit(limit))).all()
    if ids:
        await session.execute(delete(inbox).where(is_old, _IS_OWN), _own(session, ids))
    return len(ids)


def _own(session: AsyncSession, ids: Collection[bytes]) -> dict[str, Any]:
    return {"ids": pad_to_power_of_two(ids), "owner": prefix_of(session)}


def _rows(session: AsyncSession, excluding: Collection[OutboxKey]) -> Select[Any]:
    rows = select(outbox.c.id, outbox.c.token, outbox.c.messages).where(outbox.c.prefix == prefix_of(session))
    return rows.where(not_(_have(excluding))).order_by(outbox.c.id) if excluding else rows.order_by(outbox.c.id)


def _have(keys: Collection[OutboxKey]) -> ColumnElement[bool]:
    """Return whether a row has one of these keys. Tokens are random: those of two rows are never swapped."""
    ids, tokens = zip(*pad_to_power_of_two(keys), strict=True)
    return and_(outbox.c.id.in_(ids), outbox.c.token.in_(tokens))


async def _messages(session: AsyncSession, query: Select[Any]) -> dict[OutboxKey, list[Message]]:
    rows = await session.execute(query)
    return {
        OutboxKey(row.id, row.token): [Message.from_json(message) for message in json.loads(row.messages)]
        for row in rows
    }


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
