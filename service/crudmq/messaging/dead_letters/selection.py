"""Selections of dead letters."""

from collections.abc import Collection
from dataclasses import dataclass

from crudmq.messaging.dead_letters.letter import Letter


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of dead letters: those that match every criterion given; all if none is given."""

    ids: Collection[str] = ()
    codes: Collection[str] = ()
    resources: Collection[str] = ()

    def __bool__(self) -> bool:
        """Whether any criterion is given."""
        return bool(self.ids or self.codes or self.resources)

    def matches(self, letter: Letter) -> bool:
        """Whether a dead letter is selected."""
        return (
            (not self.ids or letter.id in self.ids)
            and (not self.codes or letter.code in self.codes)
            and (not self.resources or letter.resource in self.resources)
        )
