"""Lists for `IN`, in few lengths: each length is a statement of its own that drivers and databases cache."""

from collections.abc import Collection
from typing import TypeVar

T = TypeVar("T")


def padded(values: Collection[T]) -> list[T]:
    """Repeat the last value until there are 1, 2, 4, 8, … of them. There must be one at least."""
    found = list(values)
    room = 1 << (len(found) - 1).bit_length()
    return found + found[-1:] * (room - len(found))
