"""The examples of the contract's page are run in their order and compared."""

from pathlib import Path

from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.docs.examples import examples

PAGE = "docs/contract.md"


def test_the_examples_return_what_the_page_shows(tmp_path: Path, prefix: str) -> None:
    with Service(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", prefix) as service, Peer(service.prefix) as peer:
        cursors: dict[str, str] = {}
        for example in examples(PAGE):
            example.follow(peer, cursors)


def test_every_kind_of_message_is_shown() -> None:
    shown = examples(PAGE)
    assert all(example.shown["result"]["id"] for example in shown)
    assert {example.shown["result"]["status"] for example in shown} == {"ok", "error"}
    facts = {event["type"].partition(".")[2] for example in shown for event in example.events}
    assert facts == {"created", "updated", "deleted", "failed"}
