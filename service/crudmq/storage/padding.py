"""Value lists for `IN`, padded to few distinct lengths (each length is a cached statement) and limited in size."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

MAX_PARAMETERS = 1 << 14
"""How many parameters a list may take of the 32,766 or more that drivers and databases allow per statement."""


def pad_to_power_of_two(values: Collection[T]) -> list[T]:
    """Repeat the last value until the list has 1, 2, 4, 8, … elements. `values` must not be empty."""
    items = list(values)
    return items + items[-1:] * (padded_length(len(items)) - len(items))


def padded_length(number: int) -> int:
    """Return the length to which a list of `number` values is padded."""
    return 1 << (number - 1).bit_length()


def chunks(values: Collection[T], width: int) -> Iterator[Sequence[T]]:
    """Split values, each of `width` parameters, into lists that fit a statement after padding."""
    remaining = iter(values)
    while chunk := list(islice(remaining, chunk_size(width))):
        yield chunk


def chunk_size(width: int) -> int:
    """Return how many values of `width` parameters each a list may have."""
    return padded_length(MAX_PARAMETERS // width + 1) // 2
