"""What the checker may find."""

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a finding is counted as."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    """Too much of something: an effect, a result, an event without a commit."""
    OUT_OF_ORDER = "out of order"
    NOT_DRAINED = "not drained"


@dataclass(frozen=True)
class Finding:
    """A guarantee that was broken."""

    category: Category
    text: str
