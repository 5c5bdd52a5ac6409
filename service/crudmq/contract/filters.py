"""The `where` of a command as a tree. Names and values are not yet checked against the mapping."""

from dataclasses import dataclass
from typing import Any

from crudmq.contract.command import Limits
from crudmq.contract.errors import Detail, Faults, LimitExceeded, at

_OPERATORS = "eq neq gt gte lt lte between in not_in is_null like ilike starts_with ends_with contains"
COMPARISONS = frozenset(_OPERATORS.split())
QUANTIFIERS = frozenset(("any", "none", "every"))
_GROUPS = ("and", "or")
_OBJECTS_PER_CONDITION = 10
"""How many objects a `where` may have for each condition: `and`, `or`, `not` and quantifiers nest them."""
MAX_VALUES = 8_000
"""The maximum number of values in all lists of a `where`: each is a parameter of the same statement."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`field operator value`, located at `path`."""

    path: str
    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Related:
    """`any`, `none` or `every` related row matches."""

    path: str
    relationship: str
    quantifier: str
    where: "Where"


@dataclass(frozen=True, slots=True)
class And:
    """All conditions are true; true if there are none."""

    conditions: tuple["Where", ...]
    faults: tuple[Detail, ...] = ()
    """The parts of the filter that could not be parsed."""


@dataclass(frozen=True, slots=True)
class Or:
    """At least one condition is true."""

    conditions: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The condition is false."""

    condition: "Where"


Where = Compare | Related | And | Or | Not


def parse(where: object, limits: Limits, path: str = "where") -> And:
    """Parse a `where`: fields are combined by `and`, a bare value is short for `{"eq": value}`.

    Faults are collected in the result, to be reported together with those of the mapping.

    :raises LimitExceeded: too many conditions, too many values in lists, or nested too deep
    """
    parser = _Parser(limits)
    root = parser.parse(where, path, depth=0)
    return And(root.conditions, parser.faults.details)


class _Parser:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._condition_count = 0
        self._value_count = 0
        self._object_count = 0
        self.faults = Faults()

    def parse(self, where: object, path: str, depth: int) -> And:
        if not isinstance(where, dict):
            return self._fault(path, "is not an object")
        if depth > self._limits.max_where_depth:
            raise _exceeded(path, f"{self._limits.max_where_depth} levels of nesting")
        self._object_count += 1
        if self._object_count > _OBJECTS_PER_CONDITION * self._limits.max_conditions:
            raise _exceeded(path, f"{_OBJECTS_PER_CONDITION * self._limits.max_conditions} objects")
        conditions: list[Where] = []
        for name, value in where.items():
            inner = at(path, name)
            if name in _GROUPS:
                conditions.append(self._group(name, value, inner, depth))
            elif name == "not":
                conditions.append(Not(self.parse(value, inner, depth + 1)))
            else:
                conditions += self._conditions_on(name, value, inner, depth)
        return And(tuple(conditions))

    def _group(self, name: str, value: object, path: str, depth: int) -> And | Or:
        if not isinstance(value, list) or not value:
            return self._fault(path, "is not an array of objects")
        conditions = tuple(self.parse(item, at(path, index), depth + 1) for index, item in enumerate(value))
        return And(conditions) if name == "and" else Or(conditions)

    def _conditions_on(self, name: str, value: object, path: str, depth: int) -> list[Where]:
        if not isinstance(value, dict):
            return [self._compare(name, "eq", value, path)]
        if not value:
            return [self._fault(path, "has no operator")]
        return [self._condition(name, key, operand, at(path, key), depth) for key, operand in value.items()]

    def _condition(self, name: str, operator: str, operand: object, path: str, depth: int) -> Where:
        if operator in QUANTIFIERS:
            self._count(path)
            return Related(path, name, operator, self.parse(operand, path, depth + 1))
        if operator not in COMPARISONS:
            return self._fault(path, "is not an operator")
        return self._compare(name, operator, operand, path)

    def _compare(self, name: str, operator: str, operand: object, path: str) -> Compare:
        self._count(path)
        if isinstance(operand, list):
            self._count_values(len(operand), path)
        return Compare(path, name, operator, operand)

    def _count_values(self, number: int, path: str) -> None:
        self._value_count += number
        if number > self._limits.max_in:
            raise _exceeded(path, f"{self._limits.max_in} values")
        if self._value_count > MAX_VALUES:
            raise _exceeded(path, f"{MAX_VALUES} values in all lists")

    def _fault(self, path: str, message: str) -> And:
        self.faults.add(Detail(path, message))
        return And(())

    def _count(self, path: str) -> None:
        self._condition_count += 1
        if self._condition_count > self._limits.max_conditions:
            raise _exceeded(path, f"{self._limits.max_conditions} conditions")


def _exceeded(path: str, limit: str) -> LimitExceeded:
    return LimitExceeded("`where` exceeds a limit", [Detail(path, f"exceeds the limit of {limit}")])
