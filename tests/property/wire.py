"""Run messages through a service process, over AMQP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from crudmq.storage.database import Database
from tests.acceptance.peer import Peer
from tests.property import tables
from tests.property.messages import Sent
from tests.property.running import Outcome
from tests.property.tables import TableRows

_MARKER = {"resource": "words", "action": "delete", "key": -1}
"""Fails, and its event arrives after all earlier events."""


@dataclass
class Wire:
    """A runner of messages through a broker."""

    peer: Peer
    database: Database

    async def run(self, messages: Sequence[Sent]) -> list[Outcome]:
        messages_by_id = {uuid4().hex: message for message in messages}
        outcomes = {name: Outcome() for name in messages_by_id}
        for group in _split_at_reads(list(messages_by_id.items())):
            self._run(group, outcomes)
        return list(outcomes.values())

    def _run(self, group: list[tuple[str, Sent]], outcomes: dict[str, Outcome]) -> None:
        for name, message in group:
            properties = {"message_id": message.id, "correlation_id": name, **message.properties}
            self.peer.publish(message.body, **properties)
        for reply in self.peer.replies(sum(message.is_answered for _, message in group)):
            outcome = outcomes[str(reply.properties.correlation_id)]
            outcome.result, outcome.replayed = reply.content, reply.is_replayed
        marker = self.peer.publish(_MARKER, reply_to=None)
        while (event := self.peer.heard(1)[0].content)["commandid"] != marker:
            outcomes[event["correlationid"]].events.append(event)

    async def rows(self) -> TableRows:
        return await tables.rows(self.database)

    async def clear(self) -> None:
        await tables.clear(self.database)


def _split_at_reads(messages: list[tuple[str, Sent]]) -> Iterator[list[tuple[str, Sent]]]:
    """Split before and after reads, which may see later commands, too."""
    group: list[tuple[str, Sent]] = []
    for item in messages:
        if item[1].may_read:
            yield from ([group] if group else [])
            yield [item]
            group = []
        else:
            group.append(item)
    yield from ([group] if group else [])
