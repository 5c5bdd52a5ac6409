"""A reader who sends the commands that a page shows, and compares what comes with what the page says should come."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.peer import Peer, Result
from tests.docs.markdown import Block, blocks

OF_EACH_EVENT = ("id", "time")


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

    def follow(self, peer: Peer, cursors: dict[str, str]) -> None:
        """Send the command and compare. The cursors of the page stand for those that came."""
        shown_cursor = self.command.get("after", "")
        command = self.command | ({"after": cursors[shown_cursor]} if shown_cursor in cursors else {})
        reply = _ask(peer, command, self.shown.get("result", {}).get("id"))
        if next_shown := self.shown.get("result", {}).get("page", {}).get("next"):
            cursors[next_shown] = self.shown["result"]["page"]["next"] = reply.content["page"]["next"]
        self._compare(reply)
        if not self.events and "events" not in self.shown:
            return
        came = [event.content for event in peer.events_so_far() if event.content["commandid"] == reply.content["id"]]
        if self.events:
            expected = [_without_what_varies(event) for event in self.events]
            assert [_without_what_varies(event) for event in came] == expected
            assert [{*event} for event in came] == [{*event} for event in self.events]
        if "events" in self.shown:
            shown = self.shown["events"]
            assert len(came) == len(shown), came
            assert [{name: event.get(name) for name in part} for event, part in zip(came, shown, strict=True)] == shown

    def _compare(self, reply: Result) -> None:
        content = reply.content
        if "result" in self.shown:
            assert content == self.shown["result"]
        if "data" in self.shown:
            assert content.get("data") == self.shown["data"], content
        if "error" in self.shown:
            assert content.get("error") == self.shown["error"], content


def examples(page: str) -> list[Example]:
    """Return the examples of a page, in order."""
    page_examples: list[Example] = []
    for block in blocks(page):
        if block.language != "json":
            continue
        if block.kind == "command":
            page_examples.append(Example(json.loads(block.text)))
        else:
            page_examples[-1].add(block)
    return page_examples


def _ask(peer: Peer, command: Mapping[str, Any], message_id: str | None) -> Result:
    body = json.dumps(command).encode()
    return peer.ask(body) if message_id is None else peer.ask(body, message_id=message_id)


def _without_what_varies(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in OF_EACH_EVENT}
