"""What the page for operators shows of dead letters is what comes."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer.main

from service.cli.commands import cli
from tests.acceptance.commands import create
from tests.acceptance.peer import Peer
from tests.acceptance.process import Service
from tests.docs.pages import blocks, code, read, table
from tests.docs.terminal import Terminal
from tests.support import sql


@contextmanager
def dead(service: Service) -> Iterator[None]:
    """Make the dead letters of the page, and mend what made them."""
    with Peer(service.prefix) as peer:
        assert peer.ask(create("people", name="Tom")).data["id"] == 1
        peer.publish(b"name=Tom", message_id="add-tom", reply_to=None)
        peer.until(lambda: peer.depth("dead-letters") == 1, "the first dead letter")
        sql.execute(service.database_url, "ALTER TABLE profiles RENAME TO away")
        command = create("profiles", person_id=1, bio="short")
        peer.publish(command, message_id="add-bio", reply_to=None, content_type="application/json")
        peer.until(lambda: peer.depth("dead-letters") == 2, "the second one")
        sql.execute(service.database_url, "ALTER TABLE away RENAME TO profiles")
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
    (group,) = [one.typer_instance for one in cli.registered_groups if one.name == "dead-letters"]
    assert group is not None
    commands = typer.main.get_group(group).commands
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
