"""The `where` of a command as a tree. Names and values are still the message's: the mapping judges them."""

from dataclasses import dataclass
from typing import Any

from service.contract.errors import Detail, LimitExceeded
from service.contract.limits import Limits
from service.contract.path import at

_WORDS = "eq neq gt gte lt lte between in not_in is_null like ilike starts_with ends_with contains"
COMPARISONS = frozenset(_WORDS.split())
QUANTIFIERS = frozenset(("any", "none", "every"))
_GROUPS = ("and", "or")
MOST_VALUES = 8_000
"""How many values all lists of one `where` may have: each is a parameter of one statement."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`field operator value`, found at `path`."""

    path: str
    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Through:
    """`any`, `none` or `every` one of the related rows matches."""

    path: str
    relationship: str
    quantifier: str
    where: "Where"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; with no parts that is so."""

    parts: tuple["Where", ...]
    faults: tuple[Detail, ...] = ()
    """What of the whole could not be read as a condition."""


@dataclass(frozen=True, slots=True)
class Either:
    """One part holds at least."""

    parts: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Where"


Where = Compare | Through | All | Either | Not


def parse(where: object, limits: Limits, path: str = "where") -> All:
    """Read a `where`: fields are and-ed, a bare value is short for `{"eq": value}`.

    What cannot be read is among its `faults`, to be told with those that the mapping finds.

    :raises LimitExceeded: too many conditions, too deep, or too many values in a list
    """
    reader = _Reader(limits)
    found = reader.read(where, path, depth=1)
    return All(found.parts, tuple(reader.faults))


class _Reader:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._conditions = 0
        self._values = 0
        self.faults: list[Detail] = []

    def read(self, where: object, path: str, depth: int) -> All:
        if not isinstance(where, dict):
            return self._fault(path, "is not an object")
        if depth > self._limits.max_where_depth:
            raise _over(path, f"is nested deeper than {self._limits.max_where_depth}")
        parts: list[Where] = []
        for name, value in where.items():
            here = at(path, name)
            if name in _GROUPS:
                parts.append(self._group(name, value, here, depth))
            elif name == "not":
                parts.append(Not(self.read(value, here, depth + 1)))
            else:
                parts += self._conditions_on(name, value, here, depth)
        return All(tuple(parts))

    def _group(self, name: str, value: object, path: str, depth: int) -> All | Either:
        if not isinstance(value, list) or not value:
            return self._fault(path, "is not an array of objects")
        parts = tuple(self.read(one, at(path, index), depth + 1) for index, one in enumerate(value))
        return All(parts) if name == "and" else Either(parts)

    def _conditions_on(self, name: str, value: object, path: str, depth: int) -> list[Where]:
        if not isinstance(value, dict):
            return [self._compare(name, "eq", value, path)]
        if not value:
            return [self._fault(path, "has no operator")]
        return [self._condition(name, word, operand, at(path, word), depth) for word, operand in value.items()]

    def _condition(self, name: str, word: str, operand: object, path: str, depth: int) -> Where:
        if word in QUANTIFIERS:
            self._count(path)
            return Through(path, name, word, self.read(operand, path, depth + 1))
        if word not in COMPARISONS:
            return self._fault(path, "is not an operator")
        return self._compare(name, word, operand, path)

    def _compare(self, name: str, word: str, operand: object, path: str) -> Compare:
        self._count(path)
        if isinstance(operand, list):
            self._count_values(len(operand), path)
        return Compare(path, name, word, operand)

    def _count_values(self, number: int, path: str) -> None:
        self._values += number
        if number > self._limits.max_in:
            raise _over(path, f"has more than {self._limits.max_in} values")
        if self._values > MOST_VALUES:
            raise _over(path, f"makes more than {MOST_VALUES} values in all lists")

    def _fault(self, path: str, message: str) -> All:
        self.faults.append(Detail(path, message))
        return All(())

    def _count(self, path: str) -> None:
        self._conditions += 1
        if self._conditions > self._limits.max_conditions:
            raise _over(path, f"is one condition more than the {self._limits.max_conditions} that there may be")


def _over(path: str, message: str) -> LimitExceeded:
    return LimitExceeded("where is over a limit", [Detail(path, message)])
