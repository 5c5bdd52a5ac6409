"""The `where` of a command as a tree. Names and values are still the message's: the mapping judges them."""

from dataclasses import dataclass
from typing import Any

from service.contract.errors import Detail, Invalid
from service.contract.path import at

COMPARISONS = ("eq", "neq", "gt", "gte", "lt", "lte")


@dataclass(frozen=True, slots=True)
class Compare:
    """`field operator value`, found at `path`."""

    path: str
    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Compare, ...]


def parse(where: object, path: str = "where") -> All:
    """Read a `where`: fields are and-ed, a bare value is short for `{"eq": value}`.

    :raises Invalid: not an object, or an operator that there is not
    """
    if where is None:
        return All(())
    if not isinstance(where, dict):
        raise Invalid("where is not an object", [Detail(path, "is not an object")])
    return All(tuple(part for name, value in where.items() for part in _parts(name, value, at(path, name))))


def _parts(name: str, value: object, path: str) -> list[Compare]:
    if not isinstance(value, dict):
        return [Compare(path, name, "eq", value)]
    unknown = [Detail(at(path, word), "is not an operator") for word in value if word not in COMPARISONS]
    if unknown or not value:
        raise Invalid("where is not valid", unknown or [Detail(path, "has no operator")])
    return [Compare(at(path, word), name, word, operand) for word, operand in value.items()]
