"""A workload: the commands that every competitor gets, and the state that they must lead to."""

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
    """Whether its publisher expects a reply."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Commands, and the number of people that exist before them."""

    name: str
    title: str
    commands: Callable[[int], Iterator[Command]]
    """Generates that many commands."""
    people: Callable[[int], int] = lambda _number: 0
    """The number of people that must exist before that many commands; their keys start at 1."""

    def expected(self, number: int) -> "Expected":
        """Return the state after that many commands."""
        tally = _Tally()
        for command in self.commands(number):
            tally.add(command)
        rows = {"people": self.people(number) + tally.rows["people"], "groups": tally.rows["groups"]}
        return Expected(tally.messages, tally.inbox_rows, rows, tally.updates)


@dataclass(frozen=True, slots=True)
class Expected:
    """The state that a workload leads to, in whatever order its commands are executed."""

    messages: int
    """Number of published events and replies."""
    inbox_rows: int
    """Number of commands in the inbox: all writes, including rejected ones."""
    rows: Mapping[str, int]
    updates: int
    """Sum of all increments of a person's version."""


class _Tally:
    """Counts the effects of commands without executing them."""

    def __init__(self) -> None:
        self.messages = self.inbox_rows = self.updates = 0
        self.rows: Counter[str] = Counter()
        self._names: set[str] = set()

    def add(self, command: Command) -> None:
        body = json.loads(command.body)
        self.messages += command.replies
        self.inbox_rows += body["action"] != "get"
        for part in body.get("commands", [body]):
            self._apply(part)

    def _apply(self, command: Mapping[str, Any]) -> None:
        action, resource = command["action"], command["resource"]
        self.messages += action != "get"
        self.updates += action == "update"
        if resource == "groups" and command["data"]["name"] in self._names:
            return
        self.rows[resource] += (action == "create") - (action == "delete")
        if resource == "groups":
            self._names.add(command["data"]["name"])
