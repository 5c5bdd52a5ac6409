"""What the page for operators shows of dead letters is what comes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import typer.main

from crudmq.cli.commands import cli
from tests.acceptance.commands import create
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.docs.markdown import ROOT, blocks, code, read, table
from tests.docs.terminal import Terminal
from tests.support import sql
from tests.support.broken import breaking, mending


@contextmanager
def dead(service: Service) -> Iterator[None]:
    """Make the dead letters of the page, and mend what made them."""
    with Peer(service.prefix) as peer:
        assert peer.ask(create("people", name="Tom")).data["id"] == 1
        peer.publish(b"name=Tom", message_id="add-tom", reply_to=None)
        peer.until(lambda: peer.depth("dead-letters") == 1, "the first dead letter")
        sql.execute(service.database_url, *breaking("sqlite", "profiles"))
        command = create("profiles", person_id=1, bio="short")
        peer.publish(command, message_id="add-bio", reply_to=None, content_type="application/json")
        peer.until(lambda: peer.depth("dead-letters") == 2, "the second one")
        sql.execute(service.database_url, *mending("sqlite"))
        peer.events()
        yield
        assert peer.heard(1)[0].type == "profiles.created"
        assert peer.depth("dead-letters") == 0


def test_dead_letters_are_listed_shown_replayed_and_discarded(terminal: Terminal, prefix: str) -> None:
    (block,) = [block for block in blocks("docs/operations.md") if block.language == "console"]
    database = f"sqlite+aiosqlite:///{terminal.directory / 'test.db'}"
    terminal.environ["COLUMNS"] = "120"
    with Service(database, prefix) as service, dead(service):
        terminal.type(block)


def test_every_option_is_documented_with_its_commands() -> None:
    (dead_letters,) = [group.typer_instance for group in cli.registered_groups if group.name == "dead-letters"]
    assert dead_letters is not None
    commands = typer.main.get_group(dead_letters).commands
    documented = {
        (command, option)
        for options, of, _ in table(read("docs/operations.md"), "option", "of", "meaning")
        for command in code(of)
        for option in code(options)
    }
    assert documented == {
        (name, param.opts[0])
        for name, command in commands.items()
        for param in command.params
        if param.opts[0].startswith("--")
    }


def test_every_log_event_is_documented_with_its_level() -> None:
    rows = table(read("docs/operations.md"), "`event`", "level", "meaning")
    documented = {event: level for cell, level, _ in rows for event in code(cell)}
    sources = "\n".join(path.read_text() for path in (ROOT / "service").rglob("*.py"))
    logged = re.findall(r'\blog\.(info|warning|error)\(\s*"([^"]+)"', sources)
    assert documented == {event: level for level, event in logged}
