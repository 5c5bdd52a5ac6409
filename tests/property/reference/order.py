"""Sort orders: nulls last when ascending, first when descending, and the key last."""

from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from tests.property.reference.faults import Json, check, invalid
from tests.property.reference.schema import Resource, Row


@dataclass(frozen=True)
class Order:
    """Fields, each with whether it is descending."""

    terms: tuple[tuple[str, bool], ...]

    def sort(self, rows: list[Row]) -> list[Row]:
        return sorted(rows, key=cmp_to_key(self.compare))

    def compare(self, left: Row, right: Row) -> int:
        for name, descending in self.terms:
            order = _compare(left[name], right[name])
            if order:
                return -order if descending else order
        return 0


def _compare(left: Any, right: Any) -> int:  # noqa: ANN401 - values of any type
    if left is None or right is None:
        return (left is None) - (right is None)
    return int(left > right) - int(left < right)


def read(resource: Resource, names: Json, path: str = "order") -> Order:
    if not isinstance(names, list):
        raise invalid(path)
    plain = [name.removeprefix("-") if isinstance(name, str) else "" for name in names]
    check(
        [
            f"{path}.{index}"
            for index, name in enumerate(plain)
            if name not in resource.visible or not resource.fields[name].value_type.sortable
        ]
    )
    terms = [(name, given.startswith("-")) for name, given in zip(plain, names, strict=True)]
    return Order((*terms, *((name, False) for name in resource.key)))
