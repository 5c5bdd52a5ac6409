"""Random commands on the example models, valid and broken."""

import base64
import json
from random import Random
from typing import Any

from crudmq.contract.command import MAX_NAMES

Json = Any
RESOURCES = ("people", "emails", "groups", "profiles", "users")
_RELATIONS = {"people": ("emails", "groups", "profile"), "emails": ("person",), "groups": ("people",)}
_FIELDS = {
    "people": ("id", "name", "age", "version"),
    "emails": ("id", "person_id", "address"),
    "groups": ("id", "name"),
    "profiles": ("id", "person_id", "bio"),
    "users": ("id", "email", "login", "password_hash"),
}
_CONDITIONS: dict[str, tuple[Json, ...]] = {
    "id": ({"in": [1, 2, 3]}, {"between": [1, 9]}, {"gt": 0}, 1),
    "name": ({"like": "n%"}, {"contains": "\x1b"}, {"is_null": False}, {"starts_with": "%"}, "n1"),
    "age": ({"is_null": True}, {"not_in": [1, None]}, {"gte": -1}, None),
    "address": ({"ilike": "%@X"}, {"ne": ""}),
    "email": ({"like": "%"}, "a"),
    "bio": (None, {"contains": ""}),
}
_CONTROL = "\x00\x1b[2J\u202e\ud7ff\U0010ffff\r\n\t"
_VALUES: tuple[Json, ...] = (
    None, True, False, 0, -1, 1.5, -0.0, 2**31, 2**63, -(2**63) - 1, 10**300, 1e308,
    "", " ", "a", "id", "\x00", _CONTROL, "x" * 101, "x" * 5_000, "%_\\", "'; DROP TABLE people; --",
    "2026-01-01", "AAAA", "people.groups.people", [], [[]], [0] * 50, ["id"] * 50, [None], [{}],
    {}, {"": ""}, {"eq": None}, {"in": []}, {"and": [{}] * 50}, {"add": [1, 1]}, {"set": []},
)  # fmt: skip
_FRAGMENTS = (
    b"", b"\xff", b"\x00", b'"', b"{", b"}", b"[", b",", b"\\u", b"\\ud800", b"NaN", b"1e999", b"0" * 1_200, b"[" * 40,
)  # fmt: skip
"""Bytes that replace others in the text of a command."""


class Commands:
    """Draws commands; the same seed draws the same ones."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.cursors: list[str] = ["F-WWxp5rxBI1", "", "e30="]
        """Cursors to forge from: those of earlier results are added to them."""

    def valid(self) -> dict[str, Json]:
        """Draw a command that is well-formed; it may still find no row, or conflict."""
        return self._random.choice((self._create, self._read, self._update, self._delete, self._transaction))()

    def mutated(self) -> Json:
        """Draw a command, and change a few places in it."""
        command: Json = self.valid()
        if self._random.random() < 0.05:
            return self._mutate(command["action"])
        for _ in range(self._random.randint(1, 3)):
            command = self._mutate(command)
        return command

    def forged_cursor(self) -> dict[str, Json]:
        """Draw a `list` with a cursor that the service did not return for this query."""
        values = self._random.choice(([1], ["a", 1], [None], [[1]], {"id": 1}, 1, [2**70], ["\x00"]))
        forged = base64.urlsafe_b64encode(self._random.randbytes(16) + json.dumps(values).encode()).decode()
        after = self._random.choice(
            (forged, self._random.choice(self.cursors), self._flip(self._random.choice(self.cursors)))
        )
        return {"resource": self._random.choice(RESOURCES), "action": "list", "after": after, **self._shown()}

    def multiplying(self) -> dict[str, Json]:
        """Draw a small command with a large result, or with many effects."""
        include = ".".join(
            self._random.choice((("groups", "people"), ("groups",), ("groups", "people", "groups", "people")))
        )
        links = {"add": list(range(1, self._random.choice((5, 500, 2_000))))}
        return self._random.choice(
            (
                {"resource": "people", "action": "list", "limit": 1_000, "include": [include]},
                {"resource": "people", "action": "create", "data": {"name": "linked", "groups": links}},
                {"resource": "people", "action": "update", "where": {}, "max_rows": 1_000, "data": {"age": 1}},
                {"action": "transaction", "commands": [self._create() for _ in range(self._random.choice((50, 101)))]},
            )
        )

    def text(self) -> bytes:
        """Draw the text of a command with a few wrong bytes."""
        body = bytearray(json.dumps(self.mutated()).encode())
        for _ in range(self._random.randint(1, 4)):
            place = self._random.randrange(len(body) + 1)
            body[place : place + self._random.randint(0, 2)] = self._random.choice(_FRAGMENTS)
        return bytes(body)

    def shape(self) -> bytes:
        """Draw a large command of many equal parts: checking it costs more than sending it."""
        number = self._random.choice((MAX_NAMES, MAX_NAMES + 1, 20_000, 100_000))
        item = self._random.choice(("0", "{}", "[]", '"name"', '{"not":{}}', "null", '{"name":"a"}'))
        items = ",".join([item] * min(number, 1_000_000 // (len(item) + 1)))
        keys = ",".join(f'"k{index}":0' for index in range(number // 4))
        return self._random.choice(
            (
                f'{{"resource":"people","action":"list","fields":[{items}]}}',
                f'{{"resource":"people","action":"list","order":[{items}]}}',
                f'{{"resource":"people","action":"count","by":[{items}]}}',
                f'{{"resource":"people","action":"list","include":[{items}]}}',
                f'{{"resource":"people","action":"list","where":{{"or":[{items}]}}}}',
                f'{{"resource":"people","action":"list","where":{{"id":{{"in":[{items}]}}}}}}',
                f'{{"resource":"people","action":"create","data":[{items}]}}',
                f'{{"resource":"people","action":"create","data":{{"name":"a","emails":[{items}]}}}}',
                f'{{"resource":"people","action":"create","data":{{{keys}}}}}',
                f'{{"resource":"people","action":"list",{keys}}}',
                f'{{"action":"transaction","commands":[{items}]}}',
            )
        ).encode()

    def _create(self) -> dict[str, Json]:
        row = self._row()
        data = row if self._random.random() < 0.8 else [row, self._row()]
        return {"resource": "people", "action": self._random.choice(("create", "create", "upsert")), "data": data}

    def _row(self) -> dict[str, Json]:
        row: dict[str, Json] = {"name": f"n{self._random.randrange(50)}", "age": self._random.choice((None, 1, 40))}
        if self._random.random() < 0.2:
            row["emails"] = [{"address": f"{self._random.randrange(300)}@x"}]
        if self._random.random() < 0.2:
            row["groups"] = {"add": [self._random.randrange(1, 30)]}
        return row

    def _read(self) -> dict[str, Json]:
        resource = self._random.choice(RESOURCES)
        action = self._random.choice(("get", "list", "list", "count"))
        if action == "get":
            return {"resource": resource, "action": action, "key": self._random.randrange(1, 20)}
        where = self._where(resource)
        if action == "count":
            return {"resource": resource, "action": action, "where": where}
        return {"resource": resource, "action": action, "where": where, **self._shown(), **self._include(resource)}

    def _shown(self) -> dict[str, Json]:
        return self._random.choice(({}, {"limit": 1}, {"limit": 3, "order": ["-id"]}, {"count": True, "offset": 2}))

    def _include(self, resource: str) -> dict[str, Json]:
        names = _RELATIONS.get(resource, ())
        return {"include": [self._random.choice(names)]} if names and self._random.random() < 0.3 else {}

    def _where(self, resource: str) -> dict[str, Json]:
        names = [name for name in _FIELDS[resource] if name in _CONDITIONS]
        chosen = self._random.choices(names, k=self._random.randint(1, 3))
        conditions = [{name: self._random.choice(_CONDITIONS[name])} for name in chosen]
        return self._random.choice(({}, {"and": conditions}, {"or": conditions}, {"not": {"and": conditions}}))

    def _update(self) -> dict[str, Json]:
        command = {"resource": "people", "action": "update", "data": {"age": self._random.randrange(90)}}
        if self._random.random() < 0.3:
            return {**command, "where": self._where("people"), "max_rows": self._random.choice((1, 100))}
        more = self._random.choice(({}, {"if_version": 1}, {"dry_run": True}))
        return {**command, "key": self._random.randrange(1, 20), **more}

    def _delete(self) -> dict[str, Json]:
        return {"resource": self._random.choice(RESOURCES), "action": "delete", "key": self._random.randrange(1, 100)}

    def _transaction(self) -> dict[str, Json]:
        commands = [self._random.choice((self._create, self._read, self._update))() for _ in range(3)]
        return {"action": "transaction", "commands": commands}

    def _mutate(self, value: Json) -> Json:
        """Replace, remove, rename or repeat something at a random depth."""
        if isinstance(value, dict) and value and self._random.random() < 0.8:
            # Without an action, nothing else is checked.
            name = self._random.choice([name for name in value if name != "action"] or list(value))
            rest = {key: item for key, item in value.items() if key != name}
            change = self._random.choice(("deeper", "deeper", "deeper", "removed", "renamed", "added"))
            match change:
                case "removed":
                    return rest
                case "renamed":
                    return {
                        **rest,
                        self._random.choice((name.upper(), "__class__", "", "version", "x" * 300)): value[name],
                    }
                case "added":
                    return {**value, self._random.choice(_FIELDS["users"]): self._random.choice(_VALUES)}
            return {**rest, name: self._mutate(value[name])}
        if isinstance(value, list) and value and self._random.random() < 0.5:
            return [*value, self._mutate(value[0])]
        return self._random.choice(_VALUES)

    def _flip(self, text: str) -> str:
        place = self._random.randrange(len(text) + 1)
        return text[:place] + self._random.choice("A-_=\x00é") + text[place + 1 :]
