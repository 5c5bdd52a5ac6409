"""What a type of value is: its name, its way in and out of JSON, and what can be asked of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Load = Callable[[Any], Any]
Dump = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value: its name for people, and its way in and out."""

    name: str
    load: Load
    dump: Dump | None = None
    """None where the value is JSON as it is."""
    comparable: bool = True
    """Whether two values can be told equal, and rows be ordered by them."""
    ordered: bool = True
    """Whether one value can be said to be before another."""
    is_text: bool = False

    @property
    def operators(self) -> frozenset[str]:
        """Name the operators of a filter that values of this kind have."""
        found = {"is_null"}
        found |= {"eq", "neq", "in", "not_in"} if self.comparable else set()
        found |= {"gt", "gte", "lt", "lte", "between"} if self.ordered else set()
        found |= {"like", "ilike", "starts_with", "ends_with", "contains"} if self.is_text else set()
        return frozenset(found)
