"""What the checker may find."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a finding is counted as."""

    LOST = "lost"
    DOUBLED = "doubled"
    """Too much of something: an effect, a result, an event without a commit."""
    DISORDER = "out of order"
    UNREST = "not at rest"


@dataclass(frozen=True)
class Finding:
    """Something that was promised and is not so."""

    kind: Kind
    text: str
