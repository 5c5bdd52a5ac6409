"""`crudmq dead-letters`: list, show, replay and discard dead letters."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from crudmq import admin
from crudmq.aio import run
from crudmq.cli.inputs import read_settings
from crudmq.cli.render import detail_lines, print_dead_letters, summarize
from crudmq.messaging.dead_letters.queue import DeadLettersError, Limit, Report, Selection

cli = typer.Typer(no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Option("--id", help="Select by message_id; may be repeated.")]
Codes = Annotated[
    list[str] | None,
    typer.Option("--code", help="Select by error code or broker reason, as shown by `list`; may be repeated."),
]
Resources = Annotated[list[str] | None, typer.Option("--resource", help="Select by resource; may be repeated.")]
Everything = Annotated[bool, typer.Option("--all", help="Select all dead letters.")]
Rate = Annotated[float | None, typer.Option(min=0.001, help="Maximum number of dead letters per second.")]
MaxLetters = Annotated[int | None, typer.Option(min=1, help="Maximum number of dead letters, oldest first.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


@cli.command(name="list")
def list_letters(
    ids: Ids = None,
    codes: Codes = None,
    resources: Resources = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """List dead letters, oldest first; all of them by default."""
    summaries: list[dict[str, Any]] = []
    selection = Selection(ids or (), codes or (), resources or ())
    with _progress("reading") as progress:
        run(
            admin.each_dead_letter(
                read_settings(), selection, lambda letter: summaries.append(summarize(letter)), progress
            )
        )
    if as_json:
        for summary in summaries:
            typer.echo(json.dumps(summary))
    else:
        print_dead_letters(summaries)


@cli.command()
def show(message_id: Annotated[str, typer.Argument(help="The message_id of the dead letter.")]) -> None:
    """Show a dead letter in full: error, origin, properties, headers and body."""
    lines: list[str] = []
    selection = Selection(ids=[message_id])
    with _progress("reading") as progress:
        run(
            admin.each_dead_letter(
                read_settings(), selection, lambda letter: lines.extend(detail_lines(letter)), progress
            )
        )
    if not lines:
        raise DeadLettersError(f"no dead letter with message_id {message_id}")
    typer.echo("\n".join(lines))


@cli.command()
def replay(  # noqa: PLR0913 - each is an option of the command line
    ids: Ids = None,
    codes: Codes = None,
    resources: Resources = None,
    *,
    everything: Everything = False,
    rate: Rate = None,
    limit: MaxLetters = None,
    yes: Yes = False,
    without_actor: Annotated[
        bool, typer.Option("--without-actor", help="Also replay dead letters with a user_id; it is removed.")
    ] = False,
) -> None:
    """Republish dead letters as commands, and remove each once the broker has confirmed it."""
    selection = _selection(ids, codes, resources, everything=everything)
    _confirm("Replay", yes=yes)
    settings, report = read_settings(), Report()
    try:
        with _progress("replaying") as progress:
            run(
                admin.replay_dead_letters(
                    settings, selection, Limit(limit, rate), report, progress, without_actor=without_actor
                )
            )
    finally:
        _print_report("replayed", report)


@cli.command()
def discard(  # noqa: PLR0913 - each is an option of the command line
    ids: Ids = None,
    codes: Codes = None,
    resources: Resources = None,
    *,
    everything: Everything = False,
    rate: Rate = None,
    limit: MaxLetters = None,
    yes: Yes = False,
) -> None:
    """Delete dead letters permanently."""
    selection = _selection(ids, codes, resources, everything=everything)
    _confirm("Discard", yes=yes)
    settings, report = read_settings(), Report()
    try:
        with _progress("discarding") as progress:
            run(admin.discard_dead_letters(settings, selection, Limit(limit, rate), report, progress))
    finally:
        _print_report("discarded", report)


def _selection(
    ids: list[str] | None, codes: list[str] | None, resources: list[str] | None, *, everything: bool
) -> Selection:
    selection = Selection(ids or (), codes or (), resources or ())
    if bool(selection) is everything:
        raise typer.BadParameter("use either --all or at least one of --id, --code and --resource")
    return selection


def _confirm(action: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(f"{action} the selected dead letters?", abort=True, err=True)


def _print_report(action: str, report: Report) -> None:
    for reason, number in report.skipped.items():
        typer.echo(f"{number} skipped: {reason}")
    typer.echo(f"{report.done} {action}, {report.skipped.total()} skipped")


@contextmanager
def _progress(description: str) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal. Yields a callback to call once per message, with the total."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(description, total=None)

        def on_progress(total: int) -> None:
            bar.update(task, total=total, advance=1)

        yield on_progress
