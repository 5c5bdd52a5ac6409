"""Three bugs that the checker must find, put into the child from outside. They are what hand-written services do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from service.contract.delivery import Delivery
from service.contract.message import Message
from service.execution.group import Group
from service.execution.outcome import Batch
from service.messaging import amqp
from service.messaging.consumer import Consumer
from service.messaging.source import Source
from service.storage import boxes, inbox, outbox, tables


class Bug(StrEnum):
    """What is wrong."""

    ACK_BEFORE_COMMIT = "ack before commit"
    CHECK_THEN_INSERT = "check-then-insert inbox"
    PUBLISH_BEFORE_COMMIT = "publish before commit"


def install(bug: str | None) -> None:
    """Put a bug into the service in this process."""
    if bug is not None:
        _INSTALL[Bug(bug)]()


def _ack_before_commit() -> None:
    take = Source.take

    async def hasty(self: Source, most: int, most_bytes: int) -> list[Delivery]:
        taken = await take(self, most, most_bytes)
        await self.acknowledge(taken)
        return taken

    _replace(Source, "take", hasty)


def _check_then_insert() -> None:
    async def add(session: AsyncSession, entries: Sequence[inbox.Entry], messages: Sequence[Message]) -> int | None:
        outbox_id = await outbox.add(session, messages)
        rows = [
            {"id": entry.id, "body": entry.body, "result": entry.result, "outbox_id": outbox_id}
            for entry in inbox.in_order(entries)
        ]
        if rows:
            # Nobody judges: who comes second has done it all again.
            await session.execute(insert(tables.inbox).on_conflict_do_nothing(), rows)
        return outbox_id

    _replace(boxes, "add", add)


def _publish_before_commit() -> None:
    made: list[Consumer] = []
    run, make = Group.run, Consumer.__init__

    def note(self: Consumer, **parts: Any) -> None:  # noqa: ANN401 - whatever a consumer is made of
        make(self, **parts)
        made.append(self)

    async def hasty(self: Group, session: AsyncSession, in_flight: Collection[int]) -> Batch:
        batch = await run(self, session, in_flight)
        for consumer in made:
            messages = [message for settled in batch.settled for message in settled.messages]
            await consumer._publisher.publish([amqp.outgoing(message, consumer._names) for message in messages])
        return replace(batch, settled=[replace(settled, messages=[]) for settled in batch.settled])

    _replace(Consumer, "__init__", note)
    _replace(Group, "run", hasty)


def _replace(owner: Any, name: str, step: Callable[..., Any]) -> None:  # noqa: ANN401 - any class or module
    setattr(owner, name, step)


_INSTALL: Mapping[Bug, Callable[[], None]] = {
    Bug.ACK_BEFORE_COMMIT: _ack_before_commit,
    Bug.CHECK_THEN_INSERT: _check_then_insert,
    Bug.PUBLISH_BEFORE_COMMIT: _publish_before_commit,
}
