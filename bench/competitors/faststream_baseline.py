"""The baseline: a plain FastStream application with typed handlers, a session per message and publisher confirms.

No inbox and no outbox: a crash at the wrong time loses an event, a redelivery inserts a second row.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.publisher import RabbitPublisher
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bench.competitors.runner import Sessions, main, until_stopped
from bench.competitors.typed import (
    CreateGroup,
    CreatePerson,
    DeletePerson,
    Event,
    GetPerson,
    PersonView,
    Transaction,
    UpdatePerson,
)
from crudmq.examples.models import Group, Person
from crudmq.messaging.topology import Topology
from crudmq.settings import Settings


@dataclass(slots=True)
class Handlers:
    """A handler for each command; it returns the reply."""

    sessions: Sessions
    publisher: RabbitPublisher

    async def create(self, command: CreatePerson) -> Event:
        """Add a person."""
        async with self.sessions.begin() as session:
            event = await _create(session, command)
        return await self._publish_event(event)

    async def update(self, command: UpdatePerson) -> None:
        """Change a person."""
        async with self.sessions.begin() as session:
            event = await _update(session, command)
        await self._publish_event(event)

    async def get(self, command: GetPerson) -> PersonView:
        """Reply with a person."""
        async with self.sessions() as session:
            return _view(await session.get_one(Person, command.key))

    async def delete(self, command: DeletePerson) -> None:
        """Remove a person."""
        async with self.sessions.begin() as session:
            person = await session.get_one(Person, command.key)
            await session.delete(person)
        await self._publish_event(Event(type="people.deleted", before=_view(person)))

    async def create_group(self, command: CreateGroup) -> None:
        """Add a group, or publish that its name is taken."""
        try:
            async with self.sessions.begin() as session:
                session.add(group := Group(name=command.data.name))
        except IntegrityError as exc:
            await self._publish_event(Event(type="groups.failed", data={"code": "conflict", "message": str(exc.orig)}))
        else:
            await self._publish_event(Event(type="groups.created", data={"id": group.id, "name": group.name}))

    async def transaction(self, command: Transaction) -> None:
        """Execute all commands or none."""
        async with self.sessions.begin() as session:
            events = [
                await (_create(session, part) if isinstance(part, CreatePerson) else _update(session, part))
                for part in command.commands
            ]
        for event in events:
            await self._publish_event(event)

    async def _publish_event(self, event: Event) -> Event:
        await self.publisher.publish(event, routing_key=event.type)
        return event


async def _create(session: AsyncSession, command: CreatePerson) -> Event:
    session.add(person := Person(name=command.data.name, age=command.data.age))
    await session.flush()
    return Event(type="people.created", after=_view(person))


async def _update(session: AsyncSession, command: UpdatePerson) -> Event:
    person = await session.get_one(Person, command.key, with_for_update=True)
    before = _view(person)
    person.age = command.data.age
    await session.flush()
    return Event(type="people.updated", before=before, after=_view(person))


def _view(person: Person) -> PersonView:
    return PersonView(id=person.id, name=person.name, age=person.age, version=person.version)


async def serve(settings: Settings, sessions: Sessions, concurrency: int) -> None:
    """Handle that many messages concurrently."""
    topology = Topology(settings.prefix)
    # Its logger would write two lines per message.
    broker = RabbitBroker(settings.broker_url, logger=None)
    events = RabbitExchange(topology.events, ExchangeType.TOPIC, declare=False)
    handlers = Handlers(sessions, broker.publisher(exchange=events, persist=True, mandatory=False))
    subscriber = broker.subscriber(
        RabbitQueue(topology.commands, declare=False),
        channel=Channel(prefetch_count=concurrency),
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    by_routing_key: dict[str, Callable[..., Awaitable[object]]] = {
        "people.create": handlers.create,
        "people.update": handlers.update,
        "people.get": handlers.get,
        "people.delete": handlers.delete,
        "groups.create": handlers.create_group,
        "transaction": handlers.transaction,
    }
    for routing_key, handler in by_routing_key.items():
        subscriber(handler, filter=_has(routing_key))

    async with broker:
        await broker.start()
        await until_stopped()


def _has(routing_key: str) -> Callable[[RabbitMessage], Awaitable[bool]]:
    async def has(message: RabbitMessage) -> bool:
        return message.raw_message.routing_key == routing_key

    return has


if __name__ == "__main__":
    main(serve)
