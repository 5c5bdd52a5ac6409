"""The commands of `crudmq`."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from crudmq import __version__, admin, app, settings
from crudmq.aio import run as run_until_complete
from crudmq.cli import dead_letters
from crudmq.cli.inputs import command_from, read_settings
from crudmq.cli.render import print_description, print_settings
from crudmq.client import Client, ClientError, Result
from crudmq.settings import Settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(dead_letters.cli, name="dead-letters", help="List, show, replay and discard dead letters.")


@cli.callback(invoke_without_command=True)
def crudmq(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False
) -> None:
    """CRUD over RabbitMQ. Configured by environment variables: see `crudmq settings`."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


@cli.command()
def run(
    *,
    workers: Annotated[int, typer.Option(min=1, help="Number of worker processes, restarted if killed.")] = 1,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
) -> None:
    """Process commands until SIGTERM, then drain and exit."""
    if workers > 1:
        run_until_complete(app.supervise(read_settings(), workers))
        return
    run_until_complete(app.run(read_settings(), is_worker=worker))


@cli.command()
def migrate(
    *,
    create_tables: Annotated[
        bool,
        typer.Option(
            "--create-tables",
            help="Also create missing tables of your models. For evaluation only; you own your schema and its "
            "migrations.",
        ),
    ] = False,
) -> None:
    """Upgrade the database to the newest revision."""
    configured = read_settings()
    run_until_complete(admin.migrate(configured, create_tables=create_tables))
    typer.echo(f"{settings.without_password(configured.database_url)} is at the newest revision")


@cli.command(name="settings")
def show_settings() -> None:
    """Show every setting with its value and source; passwords are masked."""
    print_settings(read_settings().shown())


@cli.command()
def describe(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show exposed resources (actions, fields, relationships), registered statements and limits."""
    description, limits = admin.describe(read_settings())
    if as_json:
        typer.echo(json.dumps({**description, "limits": limits}, indent=2))
    else:
        print_description(description, limits)


@cli.command()
def send(
    target: Annotated[str, typer.Argument(help="<resource>.<action>, such as people.create")],
    arguments: Annotated[list[str] | None, typer.Argument(help="<name>=<value>, such as name=Tom age=38")] = None,
    *,
    message_id: Annotated[str | None, typer.Option("--id", help="The message_id; random by default.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the result.")] = 30.0,
) -> None:
    """Publish a command and print its result. Exits with 1 if the command fails."""
    if message_id == "":
        raise typer.BadParameter("must not be empty", param_hint="--id")
    try:
        command = command_from(target, arguments or [])
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    result = run_until_complete(_send(read_settings(), command, message_id, timeout))
    Console(soft_wrap=True).print_json(result.body.decode())
    if not result.ok:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line. Expected failures are printed as one message, without a traceback."""
    try:
        cli()
    except (settings.SettingsError, *app.FAILURES, ClientError, OSError) as exc:
        sys.exit(f"crudmq: {str(exc) or type(exc).__name__}")


async def _send(configured: Settings, command: dict[str, object], message_id: str | None, timeout: float) -> Result:  # noqa: ASYNC109 - the client's own
    async with Client(configured.broker_url, prefix=configured.prefix) as client:
        return await client.send(command, message_id=message_id, timeout=timeout)
