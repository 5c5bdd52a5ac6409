"""What everybody is given to do, and what must have become of it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is published."""

    routing_key: str
    id: str
    body: bytes
    replies: bool = False
    """Whether its sender wants to be answered."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Commands, and the people that are there beforehand."""

    name: str
    title: str
    commands: Callable[[int], Iterator[Command]]
    """Gives so many commands."""
    people: Callable[[int], int] = lambda _number: 0
    """How many people there are before so many commands; their keys begin with 1."""

    def expected(self, number: int) -> "Expected":
        """Say what must be there when so many commands are worked off."""
        tally = _Tally()
        for command in self.commands(number):
            tally.add(command)
        rows = {"people": self.people(number) + tally.rows["people"], "groups": tally.rows["groups"]}
        return Expected(tally.told, tally.stored, rows, tally.updates)


@dataclass(frozen=True, slots=True)
class Expected:
    """What work leaves behind, in whatever order it is done."""

    told: int
    """How many events and answers were published."""
    stored: int
    """How many commands the inbox knows: those that write, refused ones as well."""
    rows: Mapping[str, int]
    updates: int
    """How often a person's version was counted up."""


class _Tally:
    """Does the commands on paper."""

    def __init__(self) -> None:
        self.told = self.stored = self.updates = 0
        self.rows: Counter[str] = Counter()
        self._names: set[str] = set()

    def add(self, command: Command) -> None:
        body = json.loads(command.body)
        self.told += command.replies
        self.stored += body["action"] != "get"
        for one in body.get("commands", [body]):
            self._do(one)

    def _do(self, command: Mapping[str, Any]) -> None:
        action, resource = command["action"], command["resource"]
        self.told += action != "get"
        self.updates += action == "update"
        if resource == "groups" and command["data"]["name"] in self._names:
            return
        self.rows[resource] += (action == "create") - (action == "delete")
        if resource == "groups":
            self._names.add(command["data"]["name"])
