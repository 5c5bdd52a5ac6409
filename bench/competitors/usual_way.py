"""What people write: FastStream, a typed handler, a session for each message and a publish with confirm.

No inbox and no outbox: a crash at the wrong time loses an event, a redelivery inserts a second row.
"""

from typing import Literal
from uuid import UUID, uuid4

from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from pydantic import BaseModel, Field

from bench.competitors.serving import Sessions, main, until_stopped
from service.examples.models import Person
from service.messaging.topology import Topology
from service.settings import Settings


class NewPerson(BaseModel):
    """The `data` of the command."""

    name: str
    age: int | None = None


class CreatePerson(BaseModel):
    """The command."""

    resource: Literal["people"]
    action: Literal["create"]
    data: NewPerson


class PersonCreated(BaseModel):
    """The event."""

    id: UUID = Field(default_factory=uuid4)
    type: Literal["people.created"] = "people.created"
    person: int
    name: str
    age: int | None


async def serve(settings: Settings, sessions: Sessions, concurrency: int) -> None:
    """Handle as many messages at once as the broker hands over."""
    names = Topology(settings.prefix)
    # It would log two lines for each message.
    broker = RabbitBroker(settings.broker_url, logger=None)
    events = RabbitExchange(names.events, ExchangeType.TOPIC, declare=False)
    publisher = broker.publisher(exchange=events, routing_key="people.created", persist=True, mandatory=False)

    @broker.subscriber(
        RabbitQueue(names.commands, declare=False),
        channel=Channel(prefetch_count=concurrency),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        no_reply=True,
    )
    async def create(command: CreatePerson) -> None:
        async with sessions() as session:
            person = Person(name=command.data.name, age=command.data.age)
            session.add(person)
            await session.commit()
        await publisher.publish(PersonCreated(person=person.id, name=person.name, age=person.age))

    async with broker:
        await broker.start()
        await until_stopped()


if __name__ == "__main__":
    main(serve)
