"""The workloads. Their commands are the same in every run."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from bench.workload import Command, Workload

_SEED = 1
_PEOPLE = 10_000
_MAX_AGE = 200
"""Updates set higher ages than this, each a different one, so that every update changes its row."""

MakeCommand = Callable[[Random, int], Command]


def _generate(make_command: MakeCommand, number: int) -> Iterator[Command]:
    random = Random(_SEED)
    for index in range(number):
        yield make_command(random, index)


def _command(random: Random, body: dict[str, Any], *, replies: bool = False) -> Command:
    routing_key = ".".join(part for part in (body.get("resource"), body["action"]) if part)
    id_ = str(UUID(int=random.getrandbits(128), version=4))
    return Command(routing_key, id_, json.dumps(body).encode(), replies)


def _create(random: Random, index: int) -> dict[str, Any]:
    data = {"name": f"Person {index}", "age": random.randint(0, 110)}
    return {"resource": "people", "action": "create", "data": data}


def _update(key: int, index: int) -> dict[str, Any]:
    return {"resource": "people", "action": "update", "key": key, "data": {"age": _MAX_AGE + index}}


def _create_command(random: Random, index: int, *, replies: bool = False) -> Command:
    return _command(random, _create(random, index), replies=replies)


def _update_command(random: Random, index: int) -> Command:
    return _command(random, _update(random.randint(1, _PEOPLE), index))


def _mixed(random: Random, index: int) -> Command:
    die, key = random.randrange(10), random.randint(1, _PEOPLE)
    if die < 4:  # noqa: PLR2004 - 40 %
        return _command(random, _update(key, index))
    if die < 7:  # noqa: PLR2004 - 30 %
        return _command(random, _create(random, index))
    if die < 9:  # noqa: PLR2004 - 20 %
        return _command(random, {"resource": "people", "action": "get", "key": key}, replies=True)
    # No other command uses these keys: the final state does not depend on the order of execution.
    return _command(random, {"resource": "people", "action": "delete", "key": _PEOPLE + 1 + index})


def _transaction_command(random: Random, index: int) -> Command:
    # In key order, so that concurrent transactions do not deadlock.
    keys = sorted(random.sample(range(1, _PEOPLE + 1), 2))
    commands = [_update(key, index) for key in keys]
    commands += [_create(random, index) for _ in range(3)]
    return _command(random, {"action": "transaction", "commands": commands})


def _with_conflicts(share: float, number: int) -> Iterator[Command]:
    random, names = Random(_SEED), list[str]()
    for index in range(number):
        if names and random.random() < share:
            name = random.choice(names)
        else:
            names.append(name := f"Group {index}")
        yield _command(random, {"resource": "groups", "action": "create", "data": {"name": name}})


CREATES = Workload("creates", "creates of one row", partial(_generate, _create_command))
UPDATES = Workload(
    "updates", "updates by key over 10,000 rows", partial(_generate, _update_command), people=lambda _number: _PEOPLE
)
MIX = Workload(
    "mix",
    "commands, 40 % update, 30 % create, 20 % get with a reply, 10 % delete",
    partial(_generate, _mixed),
    people=lambda number: _PEOPLE + number,
)
FEW_CONFLICTS = Workload("conflicts-1", "creates, 1 % conflicts", partial(_with_conflicts, 0.01))
MANY_CONFLICTS = Workload("conflicts-10", "creates, 10 % conflicts", partial(_with_conflicts, 0.1))
TRANSACTIONS = Workload(
    "transactions",
    "transactions of two updates and three creates",
    partial(_generate, _transaction_command),
    people=lambda _number: _PEOPLE,
)
ANSWERED = Workload("answered", "creates with a reply", partial(_generate, partial(_create_command, replies=True)))
"""For round trips; never queued in advance."""
ALL = (CREATES, UPDATES, MIX, FEW_CONFLICTS, MANY_CONFLICTS, TRANSACTIONS)
