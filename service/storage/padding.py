"""Lists for `IN`: in few lengths, since each is a statement of its own that is cached, and none that is too long."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

MOST = 1 << 14
"""How many parameters a list may take of the 32,766 and more that drivers and databases allow a statement."""


def padded(values: Collection[T]) -> list[T]:
    """Repeat the last value until there are 1, 2, 4, 8, … of them. There must be one at least."""
    found = list(values)
    return found + found[-1:] * (room(len(found)) - len(found))


def room(number: int) -> int:
    """Give the length of the list that so many values are padded to."""
    return 1 << (number - 1).bit_length()


def parts(values: Collection[T], width: int) -> Iterator[Sequence[T]]:
    """Split values, each of `width` parameters, into lists that a statement has room for when they are padded."""
    left = iter(values)
    while part := list(islice(left, room_for(width))):
        yield part


def room_for(width: int) -> int:
    """Give the most values of `width` parameters each that a list has room for."""
    return room(MOST // width + 1) // 2
