"""What people write: FastStream, typed handlers, a session for each message and a publish with confirm.

No inbox and no outbox: a crash at the wrong time loses an event, a redelivery inserts a second row.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.publisher import RabbitPublisher
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bench.competitors.serving import Sessions, main, until_stopped
from bench.competitors.typed import (
    CreateGroup,
    CreatePerson,
    DeletePerson,
    GetPerson,
    PersonShown,
    Told,
    Transaction,
    UpdatePerson,
)
from service.examples.models import Group, Person
from service.messaging.topology import Topology
from service.settings import Settings


@dataclass(slots=True)
class Handlers:
    """One for each kind of command; what it returns is the answer, if anybody wants one."""

    sessions: Sessions
    publisher: RabbitPublisher

    async def create(self, command: CreatePerson) -> Told:
        """Add a person."""
        async with self.sessions.begin() as session:
            told = await _create(session, command)
        return await self._tell(told)

    async def update(self, command: UpdatePerson) -> None:
        """Change a person."""
        async with self.sessions.begin() as session:
            told = await _update(session, command)
        await self._tell(told)

    async def get(self, command: GetPerson) -> PersonShown:
        """Answer with a person."""
        async with self.sessions() as session:
            return _shown(await session.get_one(Person, command.key))

    async def delete(self, command: DeletePerson) -> None:
        """Remove a person."""
        async with self.sessions.begin() as session:
            person = await session.get_one(Person, command.key)
            await session.delete(person)
        await self._tell(Told(type="people.deleted", before=_shown(person)))

    async def create_group(self, command: CreateGroup) -> None:
        """Add a group, or tell that its name is taken."""
        try:
            async with self.sessions.begin() as session:
                session.add(group := Group(name=command.data.name))
        except IntegrityError as exc:
            await self._tell(Told(type="groups.failed", data={"code": "conflict", "message": str(exc.orig)}))
        else:
            await self._tell(Told(type="groups.created", data={"id": group.id, "name": group.name}))

    async def transaction(self, command: Transaction) -> None:
        """Do all or nothing."""
        async with self.sessions.begin() as session:
            told = [
                await (_create(session, one) if isinstance(one, CreatePerson) else _update(session, one))
                for one in command.commands
            ]
        for one in told:
            await self._tell(one)

    async def _tell(self, told: Told) -> Told:
        await self.publisher.publish(told, routing_key=told.type)
        return told


async def _create(session: AsyncSession, command: CreatePerson) -> Told:
    session.add(person := Person(name=command.data.name, age=command.data.age))
    await session.flush()
    return Told(type="people.created", after=_shown(person))


async def _update(session: AsyncSession, command: UpdatePerson) -> Told:
    person = await session.get_one(Person, command.key, with_for_update=True)
    before = _shown(person)
    person.age = command.data.age
    await session.flush()
    return Told(type="people.updated", before=before, after=_shown(person))


def _shown(person: Person) -> PersonShown:
    return PersonShown(id=person.id, name=person.name, age=person.age, version=person.version)


async def serve(settings: Settings, sessions: Sessions, concurrency: int) -> None:
    """Handle as many messages at once as the broker hands over."""
    names = Topology(settings.prefix)
    # It would log two lines for each message.
    broker = RabbitBroker(settings.broker_url, logger=None)
    events = RabbitExchange(names.events, ExchangeType.TOPIC, declare=False)
    handlers = Handlers(sessions, broker.publisher(exchange=events, persist=True, mandatory=False))
    subscriber = broker.subscriber(
        RabbitQueue(names.commands, declare=False),
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
