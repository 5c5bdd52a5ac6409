"""What the load asks for: every action that writes, on 50 hot keys and many cold ones; the same seed asks the same."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

_FIRST = 1_000_000
"""Keys from here on are ours to give; the database gives those from 1 on."""
HOT = range(_FIRST, _FIRST + 50)
"""People with these keys are changed again and again; users with them come and go."""
TEAMS = range(_FIRST, _FIRST + 10)
_NOBODY = 2_000_000_000
_HOT_EMAIL = "hot@example.org"

Body = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """A command as it is published, and how many events tell that it was carried out."""

    id: str
    body: bytes
    routing_key: str
    key: str
    """What it is about: commands of one key are published in their order."""
    least: int = 1
    most: int = 1
    may_be_idle: bool = False
    """Whether it can be carried out and change nothing."""


@dataclass(frozen=True)
class Asked:
    """A body, what it is about, and how many events are due."""

    body: Body
    key: str
    events: tuple[int, int] = (1, 1)
    may_be_idle: bool = False


class Workload:
    """Commands without end."""

    def __init__(self, seed: int = 1, *, without: Collection["Kind"] = ()) -> None:
        """Take a seed, and which kinds of commands to leave out."""
        self._mix = {kind: weight for kind, weight in _MIX.items() if kind not in without}
        self._random = Random(seed)  # noqa: S311 - it has to be alike in every run
        self._number = 0
        self._seed = seed
        self._versions = dict.fromkeys(HOT, 1)
        self._cold: list[str] = []

    def first(self) -> list[Command]:
        """Give the commands that make the hot people and the teams that they may be in: to be answered first."""
        people = [{"id": key, "name": _hot(key), "age": 0} for key in HOT]
        teams = [{"id": key, "name": f"team-{key}"} for key in TEAMS]
        return [
            self._command(Asked(_write("people", "create", data=people), "people", (len(HOT), len(HOT)))),
            self._command(Asked(_write("groups", "create", data=teams), "groups", (len(TEAMS), len(TEAMS)))),
        ]

    def __iter__(self) -> Iterator[Command]:
        return self

    def __next__(self) -> Command:
        self._number += 1
        (kind,) = self._random.choices(list(self._mix), list(self._mix.values()))
        return self._command(kind(self))

    def _command(self, asked: Asked) -> Command:
        least, most = asked.events
        target = ".".join(asked.body[name] for name in ("resource", "action") if name in asked.body)
        body = json.dumps(asked.body).encode()
        identifier = f"{self._seed}-{self._number or asked.key}"
        return Command(identifier, body, target, asked.key, least, most, asked.may_be_idle)

    def create(self) -> Asked:
        name = f"cold-{self._number}"
        self._cold.append(name)
        return Asked(_write("people", "create", data={"name": name, "age": self._number}), name)

    def create_many(self) -> Asked:
        rows = [{"name": f"cold-{self._number}-{row}", "age": row} for row in range(3)]
        return Asked(_write("people", "create", data=rows), f"cold-{self._number}", (3, 3))

    def create_inline(self) -> Asked:
        emails = [{"address": f"{self._number}-{one}@example.org"} for one in range(2)]
        data = {"name": f"cold-{self._number}", "emails": emails}
        return Asked(_write("people", "create", data=data), f"cold-{self._number}", (3, 3))

    def update(self) -> Asked:
        key = self._person()
        return Asked(_write("people", "update", key=key, data=self._age()), _about(key))

    def update_version(self) -> Asked:
        key = self._random.choice(HOT)
        version = self._versions[key] - self._random.choice((0, 0, 1))
        if version == self._versions[key]:
            self._versions[key] += 1
        return Asked(_write("people", "update", key=key, data=self._age(), if_version=version), _about(key))

    def update_where(self) -> Asked:
        keys = [self._person() for _ in range(3)]
        names = sorted({_hot(key) for key in keys})
        body = _write("people", "update", where={"name": {"in": names}}, data=self._age(), max_rows=3)
        return Asked(body, _about(keys[0]), (len(names), len(names)))

    def update_many(self) -> Asked:
        keys = sorted({self._person(), self._person()})
        data = [{"key": key, "data": self._age()} for key in keys]
        return Asked(_write("people", "update", data=data), _about(keys[0]), (len(keys), len(keys)))

    def link(self) -> Asked:
        key = self._random.choice(HOT)
        teams = sorted(self._random.sample(TEAMS, 2))
        how = self._random.choice(("add", "remove", "set"))
        body = _write("people", "update", key=key, data={"groups": {how: teams}})
        # Whether anything changes depends on the links that there are; so does the version, from now on a guess.
        return Asked(body, _about(key), (0, 1), may_be_idle=True)

    def create_user(self) -> Asked:
        user = self._user()
        return Asked(_write("users", "create", data=user), f"users/{user['id']}")

    def upsert(self) -> Asked:
        user = self._user()
        return Asked(_write("users", "upsert", data=user), f"users/{user['id']}")

    def upsert_many(self) -> Asked:
        first, second = self._random.sample(HOT, 2)
        data = [self._user(first), self._user(second, "b")]
        return Asked(_write("users", "upsert", data=data), f"users/{first}", (2, 2))

    def delete_user(self) -> Asked:
        key = self._random.choice(HOT)
        return Asked(_write("users", "delete", key={"id": key, "email": _HOT_EMAIL}), f"users/{key}")

    def delete_where(self) -> Asked:
        if not self._cold:
            return self.create()
        name = self._cold.pop(self._random.randrange(len(self._cold)))
        # With several replicas the row may not be there yet.
        return Asked(_write("people", "delete", where={"name": name}, max_rows=1), name, (0, 1))

    def transaction(self) -> Asked:
        key = self._person()
        address = f"{self._number}@example.org"
        commands = [
            _write("people", "update", key=key, data=self._age()),
            {"as": "new", **_write("people", "create", data={"name": f"cold-{self._number}"})},
            _write("emails", "create", data={"person_id": {"$ref": "new.id"}, "address": address}),
        ]
        return Asked({"action": "transaction", "commands": commands}, _about(key), (3, 3))

    def failing_transaction(self) -> Asked:
        key = self._random.choice(HOT)
        commands = [
            _write("people", "update", key=key, data=self._age()),
            _write("people", "update", key=_NOBODY, data=self._age()),
        ]
        return Asked({"action": "transaction", "commands": commands}, _about(key))

    def faulty(self) -> Asked:
        return Asked(_write("people", "create", data={"nmae": "Tom"}), f"cold-{self._number}")

    def _person(self) -> int:
        """Pick a hot person whose version this command will count."""
        key = self._random.choice(HOT)
        self._versions[key] += 1
        return key

    def _age(self) -> Body:
        """Give a value that the row did not have: the update changes something."""
        return {"age": self._number}

    def _user(self, key: int | None = None, more: str = "") -> Body:
        key = key or self._random.choice(HOT)
        return {"id": key, "email": _HOT_EMAIL, "login": f"login-{self._number}{more}"}


Kind = Callable[[Workload], Asked]
"""How commands of a kind are made."""
_MIX: dict[Kind, int] = {
    Workload.create: 20,
    Workload.create_many: 4,
    Workload.create_inline: 4,
    Workload.update: 20,
    Workload.update_version: 10,
    Workload.update_where: 5,
    Workload.update_many: 5,
    Workload.link: 4,
    Workload.create_user: 4,
    Workload.upsert: 6,
    Workload.upsert_many: 3,
    Workload.delete_user: 5,
    Workload.delete_where: 4,
    Workload.transaction: 4,
    Workload.failing_transaction: 1,
    Workload.faulty: 1,
}
OF_HOT_KEYS = tuple(
    kind
    for kind in _MIX
    if kind not in (Workload.create, Workload.create_many, Workload.create_inline, Workload.faulty)
)
"""What waits for a transaction that is open for long."""
COSTLY = tuple(
    kind
    for kind in _MIX
    if kind
    not in (Workload.create, Workload.update, Workload.update_version, Workload.create_user, Workload.delete_user)
)
"""What takes several statements, or has to look at every row."""
OF_SEVERAL_KEYS = (Workload.update_where, Workload.update_many, Workload.upsert_many)
"""What changes several hot keys, and so has no one partition that it belongs to."""


def _write(resource: str, action: str, **said: object) -> Body:
    return {"resource": resource, "action": action, **said}


def _hot(key: int) -> str:
    return f"hot-{key}"


def _about(key: int) -> str:
    return f"people/{key}"
