"""Inbox and outbox of a group, written together: with one statement where the database can."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ARRAY, LargeBinary, Text, bindparam, func, insert, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service.contract.message import Message
from service.storage import inbox, outbox, tables
from service.storage.errors import Transient
from service.storage.inbox import Entry
from service.storage.tables import now


async def add(session: AsyncSession, entries: Sequence[Entry], messages: Sequence[Message]) -> int | None:
    """Store what commands came to, and the messages that tell of it; give the outbox's row, None where there is none.

    :raises Transient: another consumer stored one of them meanwhile; run again, its answer will be found
    """
    if entries and messages and session.get_bind().dialect.name == "postgresql":
        return await _add_at_once(session, entries, messages)
    outbox_id = await outbox.add(session, messages)
    await inbox.add(session, [replace(entry, outbox_id=outbox_id) for entry in entries])
    return outbox_id


_GIVEN = (
    func.unnest(
        bindparam("ids", type_=ARRAY(LargeBinary)),
        bindparam("bodies", type_=ARRAY(LargeBinary)),
        bindparam("results", type_=ARRAY(Text)),
    )
    .table_valued("id", "body", "result")
    .render_derived()
)
_STORED = outbox.ADD.returning(tables.outbox.c.id).cte("stored")
_ADD = (
    insert(tables.inbox)
    .from_select(
        ["id", "body", "result", "outbox_id", "stored_at"],
        select(_GIVEN.c.id, _GIVEN.c.body, _GIVEN.c.result, _STORED.c.id, now()).select_from(
            _GIVEN.join(_STORED, true())
        ),
    )
    .returning(tables.inbox.c.outbox_id)
)


async def _add_at_once(session: AsyncSession, entries: Sequence[Entry], messages: Sequence[Message]) -> int:
    given = inbox.in_order(entries)
    arrays = {
        "ids": [one.id for one in given],
        "bodies": [one.body for one in given],
        "results": [one.result for one in given],
    }
    try:
        found = await session.scalars(_ADD, {**arrays, **outbox.row(messages)})
    except IntegrityError as exc:
        raise Transient("another consumer ran one of these commands") from exc
    outbox_id: int = found.all()[0]
    return outbox_id
