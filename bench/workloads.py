"""The commands of each workload, the same in every run."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from bench.workload import Command, Workload

_SEED = 1
_PEOPLE = 10_000
_NO_AGE = 200
"""An update sets an age beyond this one, never the same twice: it always changes something."""

Making = Callable[[Random, int], Command]


def _several(making: Making, number: int) -> Iterator[Command]:
    chance = Random(_SEED)
    for index in range(number):
        yield making(chance, index)


def _command(chance: Random, body: dict[str, Any], *, replies: bool = False) -> Command:
    routing_key = ".".join(part for part in (body.get("resource"), body["action"]) if part)
    id_ = str(UUID(int=chance.getrandbits(128), version=4))
    return Command(routing_key, id_, json.dumps(body).encode(), replies)


def _create(chance: Random, index: int) -> dict[str, Any]:
    data = {"name": f"Person {index}", "age": chance.randint(0, 110)}
    return {"resource": "people", "action": "create", "data": data}


def _update(key: int, index: int) -> dict[str, Any]:
    return {"resource": "people", "action": "update", "key": key, "data": {"age": _NO_AGE + index}}


def _one_create(chance: Random, index: int, *, replies: bool = False) -> Command:
    return _command(chance, _create(chance, index), replies=replies)


def _one_update(chance: Random, index: int) -> Command:
    return _command(chance, _update(chance.randint(1, _PEOPLE), index))


def _one_of_a_mix(chance: Random, index: int) -> Command:
    die, key = chance.randrange(10), chance.randint(1, _PEOPLE)
    if die < 4:  # noqa: PLR2004 - 40 %
        return _command(chance, _update(key, index))
    if die < 7:  # noqa: PLR2004 - 30 %
        return _command(chance, _create(chance, index))
    if die < 9:  # noqa: PLR2004 - 20 %
        return _command(chance, {"resource": "people", "action": "get", "key": key}, replies=True)
    # Nobody else speaks of these: the end is the same in whatever order the commands are run.
    return _command(chance, {"resource": "people", "action": "delete", "key": _PEOPLE + 1 + index})


def _one_transaction(chance: Random, index: int) -> Command:
    # In the order of the keys, so that those who run several at once do not block each other.
    keys = sorted(chance.sample(range(1, _PEOPLE + 1), 2))
    commands = [_update(key, index) for key in keys]
    commands += [_create(chance, index) for _ in range(3)]
    return _command(chance, {"action": "transaction", "commands": commands})


def _with_conflicts(share: float, number: int) -> Iterator[Command]:
    chance, names = Random(_SEED), list[str]()
    for index in range(number):
        if names and chance.random() < share:
            name = chance.choice(names)
        else:
            names.append(name := f"Group {index}")
        yield _command(chance, {"resource": "groups", "action": "create", "data": {"name": name}})


CREATES = Workload("creates", "creates of one row", partial(_several, _one_create))
UPDATES = Workload(
    "updates", "updates by key over 10,000 rows", partial(_several, _one_update), people=lambda _number: _PEOPLE
)
MIX = Workload(
    "mix",
    "commands, 40 % update, 30 % create, 20 % get with a reply, 10 % delete",
    partial(_several, _one_of_a_mix),
    people=lambda number: _PEOPLE + number,
)
FEW_CONFLICTS = Workload("conflicts-1", "creates, 1 % conflicts", partial(_with_conflicts, 0.01))
MANY_CONFLICTS = Workload("conflicts-10", "creates, 10 % conflicts", partial(_with_conflicts, 0.1))
TRANSACTIONS = Workload(
    "transactions",
    "transactions of two updates and three creates",
    partial(_several, _one_transaction),
    people=lambda _number: _PEOPLE,
)
ANSWERED = Workload("answered", "creates with a reply", partial(_several, partial(_one_create, replies=True)))
"""Not worked off a queue: the round trips are measured with it."""
ALL = (CREATES, UPDATES, MIX, FEW_CONFLICTS, MANY_CONFLICTS, TRANSACTIONS)
