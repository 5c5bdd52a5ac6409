"""The definition of a value type, and of arrays of its values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Load = Callable[[Any], Any]
Dump = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ValueType:
    """A type of values: its name for users, its conversion from and to JSON, and its operators."""

    name: str
    load: Load
    dump: Dump | None = None
    """None if the column's values are JSON values."""
    comparable: bool = True
    """Whether values can be tested for equality, and rows be sorted by them."""
    ordered: bool = True
    """Whether values can be compared by less and greater."""
    is_text: bool = False

    @property
    def operators(self) -> frozenset[str]:
        """The operators that a filter may apply to values of this type."""
        operators = {"is_null"}
        operators |= {"eq", "neq", "in", "not_in"} if self.comparable else set()
        operators |= {"gt", "gte", "lt", "lte", "between"} if self.ordered else set()
        operators |= {"like", "ilike", "starts_with", "ends_with", "contains"} if self.is_text else set()
        return frozenset(operators)


def array(item_type: ValueType) -> ValueType:
    """Return the type of arrays whose items are null or of one type."""

    def load(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is any value
        if type(value) is not list:
            raise ValueError("is not an array")
        return [None if item is None else item_type.load(item) for item in value]

    def dump(value: list[Any]) -> list[Any]:
        return [item if item is None or item_type.dump is None else item_type.dump(item) for item in value]

    return ValueType(f"array of {item_type.name}", load, dump, comparable=False, ordered=False)
