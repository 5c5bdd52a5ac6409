"""What can be typed."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service import __version__, app, operations, settings
from service.cli import dead_letters
from service.cli.description import show
from service.cli.loop import run as run_loop
from service.cli.startup import read_settings
from service.cli.words import command_from
from service.client import Client, ClientError, Result

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(dead_letters.cli, name="dead-letters", help="Look at what was kept, send it again, throw it away.")


@cli.callback(invoke_without_command=True)
def crudmq(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False
) -> None:
    """Create, read, update and delete over RabbitMQ. Settings are environment variables: see `crudmq settings`."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


@cli.command()
def run(
    *,
    workers: Annotated[int, typer.Option(min=1, help="How many processes, under one that starts them again.")] = 1,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
) -> None:
    """Serve commands until SIGTERM; then finish what is in hand."""
    if workers > 1:
        run_loop(app.supervise(read_settings(), workers))
        return
    run_loop(app.run(read_settings(), is_worker=worker))


@cli.command()
def migrate(
    *,
    create_tables: Annotated[
        bool, typer.Option("--create-tables", help="Also create the tables of your models: for a first try.")
    ] = False,
) -> None:
    """Bring the database to the newest revision."""
    found = read_settings()
    run_loop(operations.migrate(found, create_tables=create_tables))
    typer.echo(f"{settings.without_password(found.database_url)} is at the newest revision")


@cli.command(name="settings")
def show_settings() -> None:
    """Show every setting, its value and where that comes from."""
    table = Table("setting", "value", "from", box=None)
    for row in read_settings().shown():
        table.add_row(*row)
    Console().print(table)


@cli.command()
def describe(
    *, as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False
) -> None:
    """Show what is exposed: resources with their actions, fields and relationships, statements, limits."""
    description, limits = operations.describe(read_settings())
    if as_json:
        typer.echo(json.dumps({**description, "limits": limits}, indent=2))
    else:
        show(description, limits)


@cli.command()
def send(
    target: Annotated[str, typer.Argument(help="<resource>.<action>, such as people.create")],
    words: Annotated[list[str] | None, typer.Argument(help="<name>=<value>, such as name=Tom age=38")] = None,
    *,
    message_id: Annotated[str | None, typer.Option("--id", help="The message_id; a new one by default.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the result.")] = 30.0,
) -> None:
    """Publish one command and print its result; exit 1 where it was refused."""
    try:
        command = command_from(target, words or [])
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    result = run_loop(_send(read_settings(), command, message_id, timeout))
    Console(soft_wrap=True).print_json(result.body.decode())
    if not result.ok:
        raise typer.Exit(1)


def main() -> None:
    """Run the command that was typed; what goes wrong is told in plain words."""
    try:
        cli()
    except (settings.SettingsError, *app.FAILURES, ClientError, OSError) as exc:
        sys.exit(f"crudmq: {str(exc) or type(exc).__name__}")


async def _send(found: settings.Settings, command: dict[str, object], message_id: str | None, wait: float) -> Result:
    async with Client(found.broker_url, prefix=found.prefix) as client:
        return await client.send(command, message_id=message_id, timeout=wait)
