"""Questions whose every value and made-up name has a mark that nothing else has."""

import base64
import secrets
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.property.reference.schema import RESOURCES
from tests.property.strategies import questions

Json = Any
MARK = secrets.token_hex(8)
SHORT = "".join(secrets.choice("QXZJ") for _ in range(5))
"""Stands where there is no room for the long one."""
TOKEN = f"{secrets.token_hex(4)}-5a5a-4a5a-8a5a-{secrets.token_hex(6)}"
_TEXTS = [MARK, f"{MARK}'; DROP TABLE things; --", f"/*{MARK}*/", f'"{MARK}"', f"`{MARK}`", f"%{MARK}\\%_", f":{MARK}"]
_TEXTS += [f"é😀{MARK}", f"$1{MARK}", f"?{MARK}", f"%({MARK})s", f"{MARK}\\\\", f"\x1b\n{MARK}\t"]
_BY_NAME: dict[str, list[Json]] = {
    "small": [29183],
    "big": [918273645546372819, -918273645546372819],
    "price": ["918273.64", 9182736],
    "ratio": [918273.5, -918273],
    "flag": [True],
    "ready": [False],
    "grade": ["SAD"],
    "seen": ["2918-07-26T19:18:27.364554Z"],
    "fee": ["918273.64"],
    "blob": [base64.b64encode(MARK.encode()).decode()],
    "day": ["2918-07-26"],
    "hour": ["19:18:27.364554"],
    "moment": ["2918-07-26T19:18:27.364554Z"],
    "local": ["2918-07-26T19:18:27.364554+01:00"],
    "span": [918273645],
    "token": [TOKEN],
    "mood": ["GLAD"],
}
MARKS = (MARK, SHORT, TOKEN, TOKEN.replace("-", ""), base64.b64encode(MARK.encode()).decode(), MARK.encode().hex())
NUMBERS = ("29183", "918273", "9182736", "2918-07-26", "19:18:27")
"""What no statement may hold."""
_NAMES = [
    f"nosuch{MARK}",
    f"id; DROP TABLE {MARK}",
    f'id" {MARK}',
    f"id`{MARK}",
    f"things.{MARK}",
    f"-{MARK}",
    f"{MARK}.id",
]
_NAMES += [f"id) OR 1=1 /*{MARK}", f"{MARK}\n--", f"é{MARK}", f":{MARK}", f"%({MARK})s"]
Drawn = st.SearchStrategy[Json]


def values(resource: str, name: str) -> list[Json]:
    """Give marked values that a field takes."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    kind = RESOURCES[resource].fields[name].kind
    if "like" not in kind.operators:
        return [918273645, -918273645]
    try:
        kind.load(max(_TEXTS, key=len))
    except Exception:  # noqa: BLE001 - it has a length that is too small
        return [SHORT]
    return list(_TEXTS)


def conditions(resource: str) -> Iterator[Json]:
    """Give every field with every operator, with marked values."""
    for name, field in RESOURCES[resource].fields.items():
        if field.hidden or not field.kind.operators:
            continue
        found = values(resource, name)
        for word in field.kind.operators:
            if word in ("in", "not_in"):
                yield {name: {word: found[:5]}}
            elif word == "between":
                yield {name: {word: [found[0], found[-1]]}}
            elif word in ("like", "ilike", "starts_with", "ends_with", "contains"):
                yield from ({name: {word: text}} for text in _TEXTS)
            else:
                yield from ({name: {word: value}} for value in found)
        yield from ({name: value} for value in found)


_OPERANDS: list[Json] = [1, MARK, {"eq": MARK}, {"any": {}}, {MARK: MARK}]


def _named(resource: str) -> Iterator[Json]:
    yield from conditions(resource)
    yield from ({name: value} for name in _NAMES for value in _OPERANDS)
    yield from ({name: {word: 1}} for name in RESOURCES[resource].visible for word in _NAMES)


@cache
def wheres(resource: str) -> Drawn:
    """Draw a filter; some name what there is not."""
    hostile = st.sampled_from(list(_named(resource)))
    found = questions.wheres(resource, 2, conditions)
    return st.one_of(
        found, found, found.map(lambda where: where), st.builds(lambda a, b: {"and": [a, b]}, found, hostile)
    )


@cache
def commands(resource: str) -> Drawn:
    """Draw a command that asks in many words."""
    names = st.sampled_from([*RESOURCES[resource].visible * 2, *_NAMES])
    orders = st.one_of(questions.orders(resource), st.lists(names, max_size=3))
    shown = st.one_of(questions.fields(resource), st.lists(names, min_size=1, max_size=3))
    includes = st.one_of(
        questions.includes(resource, 2, conditions),
        questions.includes(resource, 2, conditions).map(lambda include: include),
        st.lists(names, max_size=2),
        names.map(lambda name: {name: {"where": {name: MARK}, "order": [name]}}),
    )
    head = {"resource": st.just(resource), "where": wheres(resource)}
    rest = {"order": orders, "fields": shown, "include": includes}
    changes = st.fixed_dictionaries({name: st.sampled_from(values(resource, name)) for name in _written(resource)})
    return st.one_of(
        st.fixed_dictionaries(
            {**head, "action": st.just("list")},
            optional={
                **rest,
                "offset": st.just(918273645),
                "limit": st.just(917),
                "count": st.booleans(),
                "after": st.just(MARK),
            },
        ),
        st.fixed_dictionaries({**head, "action": st.just("list")}, optional=rest),
        st.fixed_dictionaries({**head, "action": st.just("get")}, optional={"fields": shown, "include": includes}),
        st.fixed_dictionaries({**head, "action": st.just("count")}, optional={"by": shown}),
        st.fixed_dictionaries({**head, "action": st.just("delete"), "max_rows": st.just(917)}),
        st.fixed_dictionaries({**head, "action": st.just("update"), "max_rows": st.just(917), "data": changes}),
    )


def _written(resource: str) -> list[str]:
    fields = RESOURCES[resource].fields
    free = [
        name for name in ("name", "note", "small", "big", "price", "day", "size", "value", "text") if name in fields
    ]
    return [name for name in free if name not in RESOURCES[resource].key]
