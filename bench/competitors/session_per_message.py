"""A session and a transaction per message, hand-written on aio-pika, with the service's guarantees.

Optimized as far as possible: published outbox rows are deleted in batches, which weakens no guarantee. Code that runs
only after a fault is left out: replies to repeated commands, and the relay.
"""

import asyncio
from dataclasses import dataclass, field

from aio_pika import DeliveryMode, Message, connect
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from bench.competitors.runner import Sessions, main, until_stopped
from crudmq.contract import codec, event, result
from crudmq.contract.delivery import Delivery
from crudmq.contract.event import CONTENT_TYPE, Event
from crudmq.contract.result import Subject
from crudmq.examples.models import Person
from crudmq.messaging.topology import Topology
from crudmq.settings import Settings
from crudmq.storage.dialects.constructs import now
from crudmq.storage.journal import digest
from crudmq.storage.tables import inbox, outbox

_LEASE = 60
_DELETE_BATCH = 100
_ADD_TO_OUTBOX = insert(outbox).values(leased_until=now() + _LEASE).returning(outbox.c.id)
_ADD_TO_INBOX = insert(inbox)


class NewPerson(BaseModel):
    """The `data` of the command."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    age: int | None = None


@dataclass(slots=True)
class Handler:
    """Executes single commands."""

    sessions: Sessions
    events: AbstractExchange
    settings: Settings
    published: list[int] = field(default_factory=list)

    async def handle(self, message: AbstractIncomingMessage) -> None:
        """Commit, publish, and only then acknowledge."""
        try:
            change_event, outbox_id = await self._commit(message)
        except IntegrityError:
            await message.ack()  # a repeated command
            return
        await self._publish(change_event, message.message_id)
        await message.ack()
        self.published.append(outbox_id)
        if len(self.published) >= _DELETE_BATCH:
            await self.delete_published()

    async def delete_published(self) -> None:
        """Delete published outbox rows."""
        published, self.published = self.published, []
        async with self.sessions.begin() as session:
            await session.execute(delete(outbox).where(outbox.c.id.in_(published)))

    async def _commit(self, message: AbstractIncomingMessage) -> tuple[Event, int]:
        command = codec.decode(message.body, max_bytes=self.settings.max_message_bytes)
        person = Person(**NewPerson.model_validate(command["data"]).model_dump())
        async with self.sessions.begin() as session:
            session.add(person)
            await session.flush()
            change_event = self._change_event(message, person)
            outbox_id = await session.scalar(_ADD_TO_OUTBOX, {"messages": change_event.body.decode()})
            row = {
                "id": digest((message.message_id or "").encode()),
                "body": digest(message.body),
                "result": _result(message, person),
                "outbox_id": outbox_id,
            }
            await session.execute(_ADD_TO_INBOX, row)
        assert outbox_id is not None  # noqa: S101 - INSERT … RETURNING returns a row
        return change_event, outbox_id

    def _change_event(self, message: AbstractIncomingMessage, person: Person) -> Event:
        after = {"id": person.id, "name": person.name, "age": person.age}
        return event.change(
            Delivery(message.body, message.message_id),
            self.settings.source,
            type="people.created",
            subject=event.subject_of("people", (person.id,)),
            version=person.version,
            data={"key": {"id": person.id}, "version": person.version, "before": None, "after": after},
        )

    async def _publish(self, change_event: Event, command: str | None) -> None:
        outgoing = Message(
            change_event.body,
            content_type=CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=change_event.id,
            correlation_id=command,
        )
        await self.events.publish(outgoing, change_event.type, mandatory=False)


def _result(message: AbstractIncomingMessage, person: Person) -> str:
    view = {"id": person.id, "name": person.name, "age": person.age, "version": person.version}
    return result.ok(Subject(message.message_id, "people", "create"), view, {}).decode()


async def serve(settings: Settings, sessions: Sessions, concurrency: int) -> None:
    """Consume with that many workers until stopped."""
    topology = Topology(settings.prefix)
    waiting: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    async with await connect(settings.broker_url) as consuming, await connect(settings.broker_url) as publishing:
        channel = await consuming.channel(publisher_confirms=False)
        await channel.set_qos(settings.prefetch)
        events = await (await publishing.channel(publisher_confirms=True)).get_exchange(topology.events)
        handler = Handler(sessions, events, settings)
        queue = await channel.get_queue(topology.commands)
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(_work(handler, waiting)) for _ in range(concurrency)]
            tag = await queue.consume(waiting.put)
            await until_stopped()
            await queue.cancel(tag)
            await waiting.join()
            for worker in workers:
                worker.cancel()
        await handler.delete_published()


async def _work(handler: Handler, waiting: asyncio.Queue[AbstractIncomingMessage]) -> None:
    while True:
        message = await waiting.get()
        await handler.handle(message)
        waiting.task_done()


if __name__ == "__main__":
    main(serve)
