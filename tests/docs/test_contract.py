"""The examples of the contract's page are run in their order and compared."""

import json
from pathlib import Path
from typing import Any

from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.docs.pages import Block, blocks

OF_EACH_EVENT = ("id", "time")


def examples() -> list[list[Block]]:
    """Give the examples: a command, its result, and its events where the page shows them."""
    found: list[list[Block]] = []
    for block in blocks("docs/contract.md"):
        assert block.language == "json"
        if block.kind == "command":
            found.append([])
        found[-1].append(block)
    return found


def without_what_varies(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in OF_EACH_EVENT}


def test_the_examples_are_what_comes(tmp_path: Path, prefix: str) -> None:
    with Service(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", prefix) as service, Peer(service.prefix) as peer:
        for command, result, *events in examples():
            expected = json.loads(result.text)
            reply = peer.ask(command.text.encode(), message_id=expected["id"])
            assert reply.content == expected
            came = peer.events()
            if not events:
                continue
            shown = [json.loads(event.text) for event in events]
            assert [without_what_varies(one.content) for one in came] == [without_what_varies(one) for one in shown]
            assert [{*one.content} for one in came] == [{*one} for one in shown]


def test_every_kind_of_action_and_message_is_shown() -> None:
    shown = examples()
    assert {json.loads(command.text)["action"] for command, *_ in shown} == {
        "create",
        "get",
        "list",
        "update",
        "delete",
    }
    assert all([block.kind for block in one][:2] == ["command", "result"] for one in shown)
    assert {block.kind for one in shown for block in one[2:]} == {"event"}
