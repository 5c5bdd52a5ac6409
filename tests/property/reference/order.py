"""Orders and pages: nulls last when ascending, first when descending, the key as the last word."""

from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from tests.property.reference.faults import Json, check, invalid
from tests.property.reference.schema import Resource, Row


@dataclass(frozen=True)
class Order:
    """Fields, each with whether it descends."""

    terms: tuple[tuple[str, bool], ...]

    def sort(self, rows: list[Row]) -> list[Row]:
        return sorted(rows, key=cmp_to_key(self.compare))

    def compare(self, one: Row, other: Row) -> int:
        for name, descending in self.terms:
            found = _compare(one[name], other[name])
            if found:
                return -found if descending else found
        return 0


def _compare(one: Any, other: Any) -> int:  # noqa: ANN401 - values of any type
    if one is None or other is None:
        return (one is None) - (other is None)
    return int(one > other) - int(one < other)


def read(resource: Resource, names: Json, path: str = "order") -> Order:
    if not isinstance(names, list):
        raise invalid(path)
    plain = [name.removeprefix("-") if isinstance(name, str) else "" for name in names]
    check(
        [
            f"{path}.{index}"
            for index, name in enumerate(plain)
            if name not in resource.visible or not resource.fields[name].kind.sortable
        ]
    )
    terms = [(name, given.startswith("-")) for name, given in zip(plain, names, strict=True)]
    return Order((*terms, *((name, False) for name in resource.key)))
