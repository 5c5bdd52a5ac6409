"""Dead letters, for people and for programs. They may hold anything: nothing of it reaches a terminal unescaped."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.contract.dead_letter import Letter

_COLUMNS = ("message_id", "code", "resource", "attempts", "message")


def summary(letter: Letter) -> dict[str, Any]:
    """Give what a list tells of one."""
    return {
        "message_id": letter.id,
        "code": letter.code,
        "message": letter.message,
        "resource": letter.resource,
        "attempts": letter.attempts,
        "actor": letter.actor,
        "exchange": letter.published_to,
        "routing_key": letter.published_with,
        "bytes": len(letter.body),
    }


def show_list(found: Sequence[dict[str, Any]]) -> None:
    """Print a table."""
    table = Table(box=None)
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(*(Text("" if one[column] is None else escaped(str(one[column]))) for column in _COLUMNS))
    Console().print(table)


def lines(letter: Letter) -> Iterator[str]:
    """Give all that there is to know of one."""
    yield f"died of       {escaped(': '.join(filter(None, (letter.code, letter.message))))}"
    yield f"came          {'' if letter.attempts is None else letter.attempts}"
    yield f"published to  {escaped(letter.published_to)}"
    yield f"published as  {escaped(letter.published_with)}"
    if letter.actor is not None:
        yield f"in name of    {escaped(letter.actor)}"
    yield "properties"
    yield from _values(letter.properties)
    yield "headers"
    yield from _values(letter.headers)
    yield f"body, {len(letter.body)} bytes"
    yield _body(letter.body)


def escaped(text: str, but: str = "") -> str:
    """Give text that does nothing to a terminal."""
    return "".join(one if one.isprintable() or one in but else one.encode("unicode_escape").decode() for one in text)


def _values(found: Any) -> Iterator[str]:  # noqa: ANN401 - anything that AMQP carries
    for name, value in found.items():
        yield f"  {escaped(name)}: {escaped(json.dumps(value, ensure_ascii=False, default=str))}"


def _body(body: bytes) -> str:
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = body.decode(errors="backslashreplace")
    return escaped(text, but="\n")
