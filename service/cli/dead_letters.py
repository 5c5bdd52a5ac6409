"""`crudmq dead-letters`: look at what was kept, send it again, throw it away."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from service import operations
from service.cli.letters import lines, show_list, summary
from service.cli.loop import run
from service.cli.startup import read_settings
from service.contract.dead_letter import Selection
from service.messaging.clearing import Bounds, Cleared
from service.messaging.dead_letters import DeadLettersError

cli = typer.Typer(no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Option("--id", help="Those with this message_id; may be repeated.")]
Codes = Annotated[
    list[str] | None,
    typer.Option("--code", help="Those that died of this: an error code, or the broker's reason, as `list` shows it."),
]
Resources = Annotated[list[str] | None, typer.Option("--resource", help="Those that were about this resource.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]
Rate = Annotated[float | None, typer.Option(min=0.001, help="How many a second at most.")]
Limit = Annotated[int | None, typer.Option(min=1, help="How many at most, the oldest first.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@cli.command(name="list")
def list_letters(
    ids: Ids = None,
    codes: Codes = None,
    resources: Resources = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")] = False,
) -> None:
    """List them, the oldest first; all where nothing is selected."""
    found: list[dict[str, Any]] = []
    with _progress("looking") as progress:
        chosen = Selection(ids or (), codes or (), resources or ())
        run(
            operations.each_dead_letter(read_settings(), chosen, lambda letter: found.append(summary(letter)), progress)
        )
    if as_json:
        for one in found:
            typer.echo(json.dumps(one))
    else:
        show_list(found)


@cli.command()
def show(message_id: Annotated[str, typer.Argument(help="The message_id.")]) -> None:
    """Show everything of one: where it came from, what it died of, properties, headers and body."""
    found: list[str] = []
    with _progress("looking") as progress:
        chosen = Selection(ids=[message_id])
        run(operations.each_dead_letter(read_settings(), chosen, lambda letter: found.extend(lines(letter)), progress))
    if not found:
        raise DeadLettersError(f"there is no dead letter {message_id}")
    typer.echo("\n".join(found))


@cli.command()
def replay(  # noqa: PLR0913 - each is a word of its own on the command line
    ids: Ids = None,
    codes: Codes = None,
    resources: Resources = None,
    *,
    everything: Everything = False,
    rate: Rate = None,
    limit: Limit = None,
    yes: Yes = False,
    without_actor: Annotated[
        bool, typer.Option("--without-actor", help="Also those with a user_id, which they lose.")
    ] = False,
) -> None:
    """Send them again as they first came, and remove each once the broker has confirmed it."""
    selection = _selection(ids, codes, resources, everything=everything)
    _ask("Send", yes=yes)
    cleared = Cleared()
    try:
        with _progress("replaying") as progress:
            bounds = Bounds(limit, rate)
            settings = read_settings()
            run(
                operations.replay_dead_letters(
                    settings, selection, bounds, cleared, progress, without_actor=without_actor
                )
            )
    finally:
        _tell("replayed", cleared)


@cli.command()
def discard(  # noqa: PLR0913 - each is a word of its own on the command line
    ids: Ids = None,
    codes: Codes = None,
    resources: Resources = None,
    *,
    everything: Everything = False,
    rate: Rate = None,
    limit: Limit = None,
    yes: Yes = False,
) -> None:
    """Throw them away for good."""
    selection = _selection(ids, codes, resources, everything=everything)
    _ask("Throw away", yes=yes)
    cleared = Cleared()
    try:
        with _progress("discarding") as progress:
            run(operations.discard_dead_letters(read_settings(), selection, Bounds(limit, rate), cleared, progress))
    finally:
        _tell("discarded", cleared)


def _selection(
    ids: list[str] | None, codes: list[str] | None, resources: list[str] | None, *, everything: bool
) -> Selection:
    found = Selection(ids or (), codes or (), resources or ())
    if bool(found) is everything:
        raise typer.BadParameter("say which with --id, --code and --resource, or say --all")
    return found


def _ask(what: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"{what} those that are selected?", abort=True, err=True)


def _tell(what: str, cleared: Cleared) -> None:
    for reason, number in cleared.stay.items():
        typer.echo(f"{number} left {reason}")
    typer.echo(f"{cleared.done} {what}, {cleared.stay.total()} left")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int], None]]:
    """Show how many were looked at, if somebody watches. What is given is told how many there are, once for each."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def looked(waiting: int) -> None:
            bar.update(task, total=waiting, advance=1)

        yield looked
