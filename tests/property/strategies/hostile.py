"""Commands whose values and invented names all contain a unique mark."""

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
"""A mark for short fields."""
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
"""Values that no statement may contain."""
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
    """Return marked values that a field takes."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    value_type = RESOURCES[resource].fields[name].value_type
    if "like" not in value_type.operators:
        return [918273645, -918273645]
    try:
        value_type.load(max(_TEXTS, key=len))
    except Exception:  # noqa: BLE001 - the field is too short
        return [SHORT]
    return list(_TEXTS)


def conditions(resource: str) -> Iterator[Json]:
    """Return every field with every operator, with marked values."""
    for name, field in RESOURCES[resource].fields.items():
        if field.hidden or not field.value_type.operators:
            continue
        marked = values(resource, name)
        for operator in field.value_type.operators:
            if operator in ("in", "not_in"):
                yield {name: {operator: marked[:5]}}
            elif operator == "between":
                yield {name: {operator: [marked[0], marked[-1]]}}
            elif operator in ("like", "ilike", "starts_with", "ends_with", "contains"):
                yield from ({name: {operator: text}} for text in _TEXTS)
            else:
                yield from ({name: {operator: value}} for value in marked)
        yield from ({name: value} for value in marked)


_OPERANDS: list[Json] = [1, MARK, {"eq": MARK}, {"any": {}}, {MARK: MARK}]


def _hostile_conditions(resource: str) -> Iterator[Json]:
    yield from conditions(resource)
    yield from ({name: value} for name in _NAMES for value in _OPERANDS)
    yield from ({name: {operator: 1}} for name in RESOURCES[resource].visible for operator in _NAMES)


@cache
def wheres(resource: str) -> Drawn:
    """Draw a filter, sometimes with unknown names."""
    hostile = st.sampled_from(list(_hostile_conditions(resource)))
    filters = questions.wheres(resource, 2, conditions)
    return st.one_of(
        filters, filters, filters.map(lambda where: where), st.builds(lambda a, b: {"and": [a, b]}, filters, hostile)
    )


@cache
def commands(resource: str) -> Drawn:
    """Draw a command with hostile names and values."""
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
