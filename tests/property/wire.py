"""Messages run by the service as its operators run it: a process, spoken to over AMQP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from service.storage.engine import Database
from tests.acceptance.peer import Peer
from tests.property import tables
from tests.property.messages import Sent
from tests.property.running import Reply
from tests.property.tables import Rows

_NOBODY = {"resource": "words", "action": "delete", "key": -1}
"""Fails, and an event tells of it: it comes behind all that was told before."""


@dataclass
class Wire:
    """A runner of messages through a broker."""

    peer: Peer
    database: Database

    async def run(self, messages: Sequence[Sent]) -> list[Reply]:
        replies = {uuid4().hex: message for message in messages}
        found = {name: Reply() for name in replies}
        for together in _apart(list(replies.items())):
            self._run(together, found)
        return list(found.values())

    def _run(self, together: list[tuple[str, Sent]], found: dict[str, Reply]) -> None:
        for name, message in together:
            properties = {"message_id": message.id, "correlation_id": name, **message.properties}
            self.peer.publish(message.body, **properties)
        for reply in self.peer.replies(sum(message.is_answered for _, message in together)):
            one = found[str(reply.properties.correlation_id)]
            one.result, one.replayed = reply.content, reply.is_replayed
        marker = self.peer.publish(_NOBODY, reply_to=None)
        while (event := self.peer.heard(1)[0].content)["commandid"] != marker:
            found[event["correlationid"]].events.append(event)

    async def rows(self) -> Rows:
        return await tables.rows(self.database)

    async def clear(self) -> None:
        await tables.clear(self.database)


def _apart(messages: list[tuple[str, Sent]]) -> Iterator[list[tuple[str, Sent]]]:
    """Cut before and after what reads: it may see what comes later, too."""
    together: list[tuple[str, Sent]] = []
    for one in messages:
        if one[1].may_read:
            yield from ([together] if together else [])
            yield [one]
            together = []
        else:
            together.append(one)
    yield from ([together] if together else [])
