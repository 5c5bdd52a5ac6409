"""`update`: change the row that has a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from service.contract import command
from service.execution.actions.by_key import check_versioned, found
from service.execution.change import Answer
from service.execution.rows import Rows
from service.resources.input import changes
from service.resources.resource import Key, Resource, Row


@dataclass(frozen=True, slots=True)
class Update:
    """A change of one row, checked."""

    resource: Resource
    keys: Sequence[Key]
    values: Row
    if_version: int | None

    @classmethod
    def plan(cls, wanted: command.Update, resource: Resource) -> Self:
        """Check the key and the data.

        :raises Invalid: with every fault
        """
        check_versioned(resource, wanted.if_version)
        key = resource.load_key(wanted.key)
        return cls(resource, [key], changes(resource, wanted.data, "data"), wanted.if_version)

    async def run(self, rows: Rows) -> Answer:
        """Change it."""
        row = await found(rows, self.resource, self.keys[0], self.if_version)
        return Answer([await rows.update(self.resource, row, self.values)])
