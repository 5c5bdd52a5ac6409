"""`get`: the row that has a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from service.contract import command
from service.execution.actions.by_key import found
from service.execution.change import Answer, Change
from service.execution.rows import Rows
from service.resources.resource import Key, Resource


@dataclass(frozen=True, slots=True)
class Get:
    """A row to read, its key checked."""

    resource: Resource
    keys: Sequence[Key]

    @classmethod
    def plan(cls, wanted: command.Get, resource: Resource) -> Self:
        """Check the key.

        :raises Invalid: it is not one
        """
        return cls(resource, [resource.load_key(wanted.key)])

    async def run(self, rows: Rows) -> Answer:
        """Find it."""
        row = await found(rows, self.resource, self.keys[0])
        return Answer([Change(self.resource, row, row)])
