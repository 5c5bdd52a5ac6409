"""`create`: insert a row, or several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from service.contract import command
from service.contract.errors import CommandError, Detail, Invalid
from service.contract.path import at
from service.execution.change import Answer
from service.execution.rows import Rows
from service.resources.input import new_row
from service.resources.resource import Key, Resource, Row


@dataclass(frozen=True, slots=True)
class Create:
    """Rows to insert, checked."""

    resource: Resource
    rows: list[Row]
    many: bool
    keys: Sequence[Key] = ()

    @classmethod
    def plan(cls, wanted: command.Create, resource: Resource) -> Self:
        """Check the rows.

        :raises Invalid: with the faults of all of them
        """
        if not isinstance(wanted.data, list):
            return cls(resource, [new_row(resource, wanted.data, "data")], many=False)
        rows: list[Row] = []
        faults: list[Detail] = [] if wanted.data else [Detail("data", "is empty")]
        for index, data in enumerate(wanted.data):
            try:
                rows.append(new_row(resource, data, at("data", index)))
            except CommandError as error:
                faults += error.details
        if faults:
            raise Invalid("the data is not valid", faults)
        return cls(resource, rows, many=True)

    async def run(self, rows: Rows) -> Answer:
        """Insert them."""
        return Answer([await rows.insert(self.resource, row) for row in self.rows], self.many)
