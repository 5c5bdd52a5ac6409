"""`delete`: remove the row that has a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from service.contract import command
from service.execution.actions.by_key import check_versioned, found
from service.execution.change import Answer
from service.execution.rows import Rows
from service.resources.resource import Key, Resource


@dataclass(frozen=True, slots=True)
class Delete:
    """A row to remove, its key checked."""

    resource: Resource
    keys: Sequence[Key]
    if_version: int | None

    @classmethod
    def plan(cls, wanted: command.Delete, resource: Resource) -> Self:
        """Check the key.

        :raises Invalid: it is not one, or `if_version` where there are no versions
        """
        check_versioned(resource, wanted.if_version)
        return cls(resource, [resource.load_key(wanted.key)], wanted.if_version)

    async def run(self, rows: Rows) -> Answer:
        """Remove it."""
        row = await found(rows, self.resource, self.keys[0], self.if_version)
        return Answer([await rows.delete(self.resource, row)])
