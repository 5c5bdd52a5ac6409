"""What a case is."""

from dataclasses import dataclass, field
from typing import Any

Json = Any


@dataclass(frozen=True)
class Said:
    """A command, and what must come of it."""

    command: dict[str, Json]
    data: Json = None
    """The result's data; not looked at where it is None."""
    error: str | None = None
    """The code of the error; None where the command must be carried out."""
    paths: tuple[str, ...] | None = None
    """The paths of the error's details."""
    extra: dict[str, Json] = field(default_factory=dict)
    """What else the result must have."""
    events: tuple[str, ...] | None = None
    """Types and subjects of the events, in order: `people.created people/1`; not looked at where it is None."""


@dataclass(frozen=True)
class Case:
    """A few commands, one after the other, on tables that are empty at first."""

    title: str
    said: tuple[Said, ...]


def case(title: str, *said: Said) -> Case:
    """Make a case."""
    return Case(title, said)


def on(resource: str, action: str, **rest: Json) -> dict[str, Json]:
    """Make a command."""
    return {"resource": resource, "action": action, **rest}


def people(action: str, **rest: Json) -> dict[str, Json]:
    """Make a command about people."""
    return on("people", action, **rest)


def created(resource: str, *rows: dict[str, Json]) -> Said:
    """Put rows there first."""
    return Said(on(resource, "create", data=list(rows)))
