"""Terminal output: settings, descriptions and dead letters. Untrusted text is always escaped."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crudmq.contract import codec
from crudmq.contract.errors import CommandError, escaped
from crudmq.messaging.dead_letters.letter import Letter

_COLUMNS = ("message_id", "code", "resource", "attempts", "message")


_UNLIMITED_WIDTH = 100_000


def print_settings(rows: Iterable[tuple[str, str, str]]) -> None:
    """Print name, value and source of each setting."""
    table = Table("setting", box=None)
    for column in ("value", "source"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    _console().print(table)


def print_description(description: dict[str, Any], limits: dict[str, int]) -> None:
    """Print every resource, every registered statement and the limits."""
    console = _console()
    for name, resource in description["resources"].items():
        console.print(_resource_table(name, resource))
    if description["statements"]:
        console.print(_statements_table(description["statements"]))
    table = Table("limit", "maximum", title="limits", title_justify="left", box=None)
    for limit, maximum in limits.items():
        table.add_row(limit.removeprefix("max_").replace("_", " "), str(maximum))
    console.print(table)


def print_dead_letters(summaries: Sequence[dict[str, Any]]) -> None:
    """Print summaries of dead letters as a table."""
    table = Table(box=None)
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for summary in summaries:
        values = (summary[column] for column in _COLUMNS)
        table.add_row(*(Text("" if value is None else escaped(str(value))) for value in values))
    _console().print(table)


def summarize(letter: Letter) -> dict[str, Any]:
    """Return the fields of a dead letter that `list` prints, as JSON data."""
    return {
        "message_id": letter.id,
        "code": letter.code,
        "message": letter.message,
        "resource": letter.resource,
        "attempts": letter.attempts,
        "actor": letter.actor,
        "exchange": letter.original_exchange,
        "routing_key": letter.original_routing_key,
        "bytes": len(letter.body),
    }


def detail_lines(letter: Letter) -> Iterator[str]:
    """Yield the lines that show a dead letter in full."""
    yield f"error         {escaped(': '.join(filter(None, (letter.code, letter.message))))}"
    yield f"attempts      {'' if letter.attempts is None else letter.attempts}"
    yield f"exchange      {escaped(letter.original_exchange)}"
    yield f"routing key   {escaped(letter.original_routing_key)}"
    if letter.actor is not None:
        yield f"actor         {escaped(letter.actor)}"
    yield "properties"
    yield from _table_lines(letter.properties)
    yield "headers"
    yield from _table_lines(letter.headers)
    yield f"body, {len(letter.body)} bytes"
    yield _body_text(letter.body)


def _console() -> Console:
    """Return the console of the standard output, with lines of any length unless it is a terminal."""
    return Console() if sys.stdout.isatty() else Console(width=_UNLIMITED_WIDTH)


def _resource_table(name: str, resource: dict[str, Any]) -> Table:
    title = f"[bold]{name}[/]  {', '.join(resource['actions'])}"
    table = Table("field", "type", "rules", title=title, title_justify="left")
    for field_name, field in resource["fields"].items():
        rules = [*field["rules"], *(["nullable"] if field["nullable"] else [])]
        table.add_row(field_name, field["type"], ", ".join(rules))
    for relation_name, relation in resource["relationships"].items():
        cardinality = f"to {'many' if relation['many'] else 'one'} {relation['resource']}"
        table.add_row(relation_name, cardinality, f"written: {relation['written']}")
    return table


def _statements_table(statements: dict[str, Any]) -> Table:
    table = Table("call", "params", "returns", "event", title="registered statements", title_justify="left")
    for name, statement in statements.items():
        params = ", ".join(f"{param}: {type_}" for param, type_ in statement["params"].items())
        returns = f"{statement['returns']}{', writes' if statement['writes'] else ''}"
        table.add_row(name, params, returns, statement["event"] or "")
    return table


def _table_lines(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield f"  {escaped(name)}: {escaped(json.dumps(value, ensure_ascii=False, default=str))}"


def _body_text(body: bytes) -> str:
    try:
        # What is not a valid command is shown as it is: a repeated name would be lost.
        codec.decode(body, max_bytes=len(body))
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (CommandError, ValueError, RecursionError):
        text = body.decode(errors="backslashreplace")
    return escaped(text, allowed="\n")
