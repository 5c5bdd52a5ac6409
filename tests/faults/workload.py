"""The commands of the load: every action that writes, on 50 hot keys and many cold ones; a seed determines them all."""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

_LOWEST = 1_000_000
"""The lowest key that the load chooses itself; the database generates keys from 1 on."""
HOT = range(_LOWEST, _LOWEST + 50)
"""People with these keys are changed again and again; users with them are created and deleted."""
TEAMS = range(_LOWEST, _LOWEST + 10)
_NOBODY = 2_000_000_000
_HOT_EMAIL = "hot@example.org"

Body = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """A command as it is published, and how many events report its effect."""

    id: str
    body: bytes
    routing_key: str
    key: str
    """The key that it concerns: commands of one key are published in order."""
    min_events: int = 1
    max_events: int = 1
    may_be_idle: bool = False
    """Whether it can succeed and change nothing."""


@dataclass(frozen=True)
class Request:
    """The body of a command, the key that it concerns, and how many events it causes."""

    body: Body
    key: str
    events: tuple[int, int] = (1, 1)
    may_be_idle: bool = False


class Workload:
    """An endless iterator of commands."""

    def __init__(self, seed: int = 1, *, without: Collection["Operation"] = (), min_bytes: int = 0) -> None:
        """Prepare the commands of a seed. `without` leaves operations out; blanks fill bodies up to `min_bytes`."""
        self._min_bytes = min_bytes
        self._mix = {operation: weight for operation, weight in _MIX.items() if operation not in without}
        self._random = Random(seed)  # noqa: S311 - every run has to be the same
        self._number = 0
        self._seed = seed
        self._versions = dict.fromkeys(HOT, 1)
        self._cold: list[str] = []

    def initial(self) -> list[Command]:
        """Return the commands that create the hot people and their teams: they must be answered before all others."""
        people = [{"id": key, "name": _hot(key), "age": 0} for key in HOT]
        teams = [{"id": key, "name": f"team-{key}"} for key in TEAMS]
        return [
            self._command(Request(_write("people", "create", data=people), "people", (len(HOT), len(HOT)))),
            self._command(Request(_write("groups", "create", data=teams), "groups", (len(TEAMS), len(TEAMS)))),
        ]

    def __iter__(self) -> Iterator[Command]:
        return self

    def __next__(self) -> Command:
        self._number += 1
        (operation,) = self._random.choices(list(self._mix), list(self._mix.values()))
        return self._command(operation(self))

    def _command(self, request: Request) -> Command:
        min_events, max_events = request.events
        target = ".".join(request.body[name] for name in ("resource", "action") if name in request.body)
        body = json.dumps(request.body).encode().ljust(self._min_bytes)
        identifier = f"{self._seed}-{self._number or request.key}"
        return Command(identifier, body, target, request.key, min_events, max_events, request.may_be_idle)

    def create(self) -> Request:
        name = f"cold-{self._number}"
        self._cold.append(name)
        return Request(_write("people", "create", data={"name": name, "age": self._number}), name)

    def create_many(self) -> Request:
        rows = [{"name": f"cold-{self._number}-{row}", "age": row} for row in range(3)]
        return Request(_write("people", "create", data=rows), f"cold-{self._number}", (3, 3))

    def create_inline(self) -> Request:
        emails = [{"address": f"{self._number}-{index}@example.org"} for index in range(2)]
        data = {"name": f"cold-{self._number}", "emails": emails}
        return Request(_write("people", "create", data=data), f"cold-{self._number}", (3, 3))

    def update(self) -> Request:
        key = self._person()
        return Request(_write("people", "update", key=key, data=self._age()), _person_key(key))

    def update_version(self) -> Request:
        key = self._random.choice(HOT)
        version = self._versions[key] - self._random.choice((0, 0, 1))
        if version == self._versions[key]:
            self._versions[key] += 1
        return Request(_write("people", "update", key=key, data=self._age(), if_version=version), _person_key(key))

    def update_where(self) -> Request:
        keys = [self._person() for _ in range(3)]
        names = sorted({_hot(key) for key in keys})
        body = _write("people", "update", where={"name": {"in": names}}, data=self._age(), max_rows=3)
        return Request(body, _person_key(keys[0]), (len(names), len(names)))

    def update_many(self) -> Request:
        keys = sorted({self._person(), self._person()})
        data = [{"key": key, "data": self._age()} for key in keys]
        return Request(_write("people", "update", data=data), _person_key(keys[0]), (len(keys), len(keys)))

    def link(self) -> Request:
        key = self._random.choice(HOT)
        teams = sorted(self._random.sample(TEAMS, 2))
        change = self._random.choice(("add", "remove", "set"))
        body = _write("people", "update", key=key, data={"groups": {change: teams}})
        # Whether anything changes depends on the existing links; so does the version, which is a guess from now on.
        return Request(body, _person_key(key), (0, 1), may_be_idle=True)

    def create_user(self) -> Request:
        user = self._user()
        return Request(_write("users", "create", data=user), f"users/{user['id']}")

    def upsert(self) -> Request:
        user = self._user()
        return Request(_write("users", "upsert", data=user), f"users/{user['id']}")

    def upsert_many(self) -> Request:
        one_key, other_key = self._random.sample(HOT, 2)
        data = [self._user(one_key), self._user(other_key, "b")]
        return Request(_write("users", "upsert", data=data), f"users/{one_key}", (2, 2))

    def delete_user(self) -> Request:
        key = self._random.choice(HOT)
        return Request(_write("users", "delete", key={"id": key, "email": _HOT_EMAIL}), f"users/{key}")

    def delete_where(self) -> Request:
        if not self._cold:
            return self.create()
        name = self._cold.pop(self._random.randrange(len(self._cold)))
        # With several replicas the row may not exist yet.
        return Request(_write("people", "delete", where={"name": name}, max_rows=1), name, (0, 1))

    def transaction(self) -> Request:
        key = self._person()
        address = f"{self._number}@example.org"
        commands = [
            _write("people", "update", key=key, data=self._age()),
            {"as": "new", **_write("people", "create", data={"name": f"cold-{self._number}"})},
            _write("emails", "create", data={"person_id": {"$ref": "new.id"}, "address": address}),
        ]
        return Request({"action": "transaction", "commands": commands}, _person_key(key), (3, 3))

    def failing_transaction(self) -> Request:
        key = self._random.choice(HOT)
        commands = [
            _write("people", "update", key=key, data=self._age()),
            _write("people", "update", key=_NOBODY, data=self._age()),
        ]
        return Request({"action": "transaction", "commands": commands}, _person_key(key))

    def faulty(self) -> Request:
        return Request(_write("people", "create", data={"nmae": "Tom"}), f"cold-{self._number}")

    def _person(self) -> int:
        """Choose a hot person whose version this command increments."""
        key = self._random.choice(HOT)
        self._versions[key] += 1
        return key

    def _age(self) -> Body:
        """Return a value that the row never had: the update changes something."""
        return {"age": self._number}

    def _user(self, key: int | None = None, suffix: str = "") -> Body:
        key = key or self._random.choice(HOT)
        return {"id": key, "email": _HOT_EMAIL, "login": f"login-{self._number}{suffix}"}


Operation = Callable[[Workload], Request]
"""Makes a command of some kind."""
_MIX: dict[Operation, int] = {
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
    operation
    for operation in _MIX
    if operation not in (Workload.create, Workload.create_many, Workload.create_inline, Workload.faulty)
)
"""Operations that wait for a long transaction."""
COSTLY = tuple(
    operation
    for operation in _MIX
    if operation
    not in (Workload.create, Workload.update, Workload.update_version, Workload.create_user, Workload.delete_user)
)
"""Operations that take several statements, or scan a table."""
OF_SEVERAL_KEYS = (Workload.update_where, Workload.update_many, Workload.upsert_many)
"""Operations on several hot keys, which belong to no single partition."""


def _write(resource: str, action: str, **fields: object) -> Body:
    return {"resource": resource, "action": action, **fields}


def _hot(key: int) -> str:
    return f"hot-{key}"


def _person_key(key: int) -> str:
    return f"people/{key}"
