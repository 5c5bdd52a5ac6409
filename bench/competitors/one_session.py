"""One session and one transaction for each message, by hand on aio-pika, with the service's guarantees.

As fast as that can be made: rows of the outbox are forgotten many at a time, since that takes nothing from the
guarantees. What runs only after a fault is left out: the answer to a repeat, and the relay.
"""

import asyncio
from dataclasses import dataclass, field

from aio_pika import DeliveryMode, Message, connect
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from bench.competitors.serving import Sessions, main, until_stopped
from service.contract import codec, event, result
from service.contract.delivery import Delivery
from service.contract.event import CONTENT_TYPE, Event
from service.contract.result import Subject
from service.examples.models import Person
from service.messaging.topology import Topology
from service.settings import Settings
from service.storage.inbox import digest
from service.storage.tables import inbox, now, outbox

_LEASE = 60
_FORGET_AT_ONCE = 100
_ADD_TO_OUTBOX = insert(outbox).values(leased_until=now() + _LEASE).returning(outbox.c.id)
_ADD_TO_INBOX = insert(inbox)


class NewPerson(BaseModel):
    """The `data` of the command."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    age: int | None = None


@dataclass(slots=True)
class Handler:
    """Works single commands off."""

    sessions: Sessions
    events: AbstractExchange
    settings: Settings
    published: list[int] = field(default_factory=list)

    async def handle(self, message: AbstractIncomingMessage) -> None:
        """Commit, publish, and only then acknowledge."""
        try:
            fact, outbox_id = await self._commit(message)
        except IntegrityError:
            await message.ack()  # the inbox knows it
            return
        await self._publish(fact, message.message_id)
        await message.ack()
        self.published.append(outbox_id)
        if len(self.published) >= _FORGET_AT_ONCE:
            await self.forget()

    async def forget(self) -> None:
        """Delete what is published from the outbox."""
        done, self.published = self.published, []
        async with self.sessions.begin() as session:
            await session.execute(delete(outbox).where(outbox.c.id.in_(done)))

    async def _commit(self, message: AbstractIncomingMessage) -> tuple[Event, int]:
        command = codec.decode(message.body, max_bytes=self.settings.max_message_bytes)
        person = Person(**NewPerson.model_validate(command["data"]).model_dump())
        async with self.sessions.begin() as session:
            session.add(person)
            await session.flush()
            fact = self._fact(message, person)
            outbox_id = await session.scalar(_ADD_TO_OUTBOX, {"messages": fact.body.decode()})
            stored = {
                "id": digest((message.message_id or "").encode()),
                "body": digest(message.body),
                "result": _result(message, person),
                "outbox_id": outbox_id,
            }
            await session.execute(_ADD_TO_INBOX, stored)
        assert outbox_id is not None  # noqa: S101 - an insert that returns gives a row
        return fact, outbox_id

    def _fact(self, message: AbstractIncomingMessage, person: Person) -> Event:
        after = {"id": person.id, "name": person.name, "age": person.age}
        return event.change(
            Delivery(message.body, message.message_id),
            self.settings.source,
            type="people.created",
            subject=event.subject_of("people", (person.id,)),
            version=person.version,
            data={"key": {"id": person.id}, "version": person.version, "before": None, "after": after},
        )

    async def _publish(self, fact: Event, command: str | None) -> None:
        told = Message(
            fact.body,
            content_type=CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=fact.id,
            correlation_id=command,
        )
        await self.events.publish(told, fact.type, mandatory=False)


def _result(message: AbstractIncomingMessage, person: Person) -> str:
    shown = {"id": person.id, "name": person.name, "age": person.age, "version": person.version}
    return result.ok(Subject(message.message_id, "people", "create"), shown, {}).decode()


async def serve(settings: Settings, sessions: Sessions, concurrency: int) -> None:
    """Consume with as many workers until stopped."""
    names = Topology(settings.prefix)
    waiting: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    async with await connect(settings.broker_url) as consuming, await connect(settings.broker_url) as publishing:
        channel = await consuming.channel(publisher_confirms=False)
        await channel.set_qos(settings.prefetch)
        events = await (await publishing.channel(publisher_confirms=True)).get_exchange(names.events)
        handler = Handler(sessions, events, settings)
        queue = await channel.get_queue(names.commands)
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(_work(handler, waiting)) for _ in range(concurrency)]
            tag = await queue.consume(waiting.put)
            await until_stopped()
            await queue.cancel(tag)
            await waiting.join()
            for worker in workers:
                worker.cancel()
        await handler.forget()


async def _work(handler: Handler, waiting: asyncio.Queue[AbstractIncomingMessage]) -> None:
    while True:
        message = await waiting.get()
        await handler.handle(message)
        waiting.task_done()


if __name__ == "__main__":
    main(serve)
