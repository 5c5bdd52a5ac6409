"""What everybody is given to do."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

_SEED = 1
"""The same commands in every run."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is published."""

    routing_key: str
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Workload:
    """Commands, and what must be there when they are worked off."""

    name: str
    title: str
    commands: Callable[[int], Iterator[Command]]
    """Gives so many commands."""
    rows: Callable[[int], int]
    """How many people there are then."""
    events: Callable[[int], int]
    """How many events were published then."""


def _creates(number: int) -> Iterator[Command]:
    chance = random.Random(_SEED)
    for index in range(number):
        data = {"name": f"Person {index}", "age": chance.randint(0, 110)}
        body = json.dumps({"resource": "people", "action": "create", "data": data}).encode()
        yield Command("people.create", str(UUID(int=chance.getrandbits(128), version=4)), body)


CREATES = Workload(
    name="creates",
    title="creates of one row",
    commands=_creates,
    rows=lambda number: number,
    events=lambda number: number,
)
ALL = (CREATES,)
