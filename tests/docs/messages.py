"""A reader who sends the commands that a page shows, and compares what comes with what the page says should come."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.peer import Peer, Reply
from tests.docs.pages import Block, blocks

OF_EACH_EVENT = ("id", "time")
NOBODY = {"resource": "people", "action": "delete", "key": -1}


@dataclass
class Example:
    """A command and what comes of it.

    `result` is a whole result, `data` and `error` are those parts of one; each `event` is a whole one, and `events`
    are all that come, of which only the attributes that are shown are compared.
    """

    command: dict[str, Any]
    shown: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def add(self, block: Block) -> None:
        if block.kind == "event":
            self.events.append(json.loads(block.text))
        else:
            self.shown[block.kind] = json.loads(block.text)

    def follow(self, peer: Peer) -> None:
        """Send the command and compare."""
        reply = _ask(peer, self.command, self.shown.get("result", {}).get("id"))
        self._compare(reply)
        if not self.events and "events" not in self.shown:
            return
        came = [event for event in _events_so_far(peer) if event["commandid"] == reply.content["id"]]
        if self.events:
            assert [_without_what_varies(one) for one in came] == [_without_what_varies(one) for one in self.events]
            assert [{*one} for one in came] == [{*one} for one in self.events]
        if "events" in self.shown:
            shown = self.shown["events"]
            assert len(came) == len(shown), came
            assert [{name: one.get(name) for name in part} for one, part in zip(came, shown, strict=True)] == shown

    def _compare(self, reply: Reply) -> None:
        content = reply.content
        if "result" in self.shown:
            assert content == self.shown["result"]
        if "data" in self.shown:
            assert content.get("data") == self.shown["data"], content
        if "error" in self.shown:
            assert content.get("error") == self.shown["error"], content


def examples(page: str) -> list[Example]:
    """Give the examples of a page, in their order."""
    found: list[Example] = []
    for block in blocks(page):
        if block.language != "json":
            continue
        if block.kind == "command":
            found.append(Example(json.loads(block.text)))
        else:
            found[-1].add(block)
    return found


def _ask(peer: Peer, command: Mapping[str, Any], message_id: str | None) -> Reply:
    body = json.dumps(command).encode()
    return peer.ask(body) if message_id is None else peer.ask(body, message_id=message_id)


def _events_so_far(peer: Peer) -> Iterator[dict[str, Any]]:
    """Give the events before one that a later command, which changes nothing, has caused."""
    marker = peer.publish(NOBODY, reply_to=None)
    while (event := peer.heard(1)[0].content)["commandid"] != marker:
        yield event


def _without_what_varies(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in OF_EACH_EVENT}
