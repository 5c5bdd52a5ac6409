"""The examples of the contract's page and of the reference are run in their order and compared."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.contract.command import ACTIONS
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.docs.pages import Block, blocks

OF_EACH_EVENT = ("id", "time")
PAGES = ["docs/contract.md", "docs/commands.md"]
CURSOR = "<cursor>"


def examples(page: str) -> list[list[Block]]:
    """Give the examples: a command, its result, and its events where the page shows them."""
    found: list[list[Block]] = []
    for block in blocks(page):
        if block.language != "json":
            continue
        if block.kind == "command":
            found.append([])
        found[-1].append(block)
    return found


def without_what_varies(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in OF_EACH_EVENT}


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_are_what_comes(page: str, tmp_path: Path, prefix: str) -> None:
    cursor = ""
    with Service(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", prefix) as service, Peer(service.prefix) as peer:
        for command, result, *events in examples(page):
            peer.events_so_far()
            message_id = json.loads(result.text)["id"]
            reply = peer.ask(command.text.replace(CURSOR, cursor).encode(), message_id=message_id)
            cursor = reply.content.get("page", {}).get("next") or cursor
            assert reply.content == json.loads(result.text.replace(CURSOR, cursor))
            if not events:
                continue
            shown = [json.loads(event.text) for event in events]
            came = [event.content for event in peer.events_so_far()]
            assert [without_what_varies(one) for one in came] == [without_what_varies(one) for one in shown]
            assert [{*one} for one in came] == [{*one} for one in shown]


def test_every_kind_of_action_and_message_is_shown() -> None:
    shown = [example for page in PAGES for example in examples(page)]
    assert {json.loads(command.text)["action"] for command, *_ in shown} == {*ACTIONS, "transaction"}
    assert all([block.kind for block in one][:2] == ["command", "result"] for one in shown)
    assert {block.kind for one in shown for block in one[2:]} == {"event"}
