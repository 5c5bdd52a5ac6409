"""`delete`: remove the row that has a key, or the rows that match."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.contract import command, filters
from service.contract.faults import Faults
from service.contract.limits import Limits
from service.execution.actions.plan import Plan
from service.execution.actions.way import check_version, check_way, found, load_key
from service.execution.change import Answer, answer
from service.execution.query.where import Clause, condition
from service.execution.rows import Rows
from service.resources.resource import Key, Resource


@dataclass(frozen=True)
class Delete(Plan):
    """A row to remove, its key checked."""

    resource: Resource
    key: Key
    wanted: command.Delete

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Name the row."""
        return [(self.resource, self.key)]

    async def run(self, rows: Rows) -> Answer:
        """Remove it."""
        row = await found(rows, self.resource, self.key)
        check_version(self.resource, row, self.wanted.if_version)
        return answer([await rows.delete(self.resource, row)], self.wanted.returns, many=False)


@dataclass(frozen=True)
class DeleteWhere(Plan):
    """Rows to remove, the filter checked."""

    resource: Resource
    where: Clause
    wanted: command.Delete

    async def run(self, rows: Rows) -> Answer:
        """Remove them.

        :raises LimitExceeded: more rows match than may
        """
        matching = await rows.matching(self.resource, self.where, self.wanted.max_rows or 0)
        changes = [await rows.delete(self.resource, row) for row in matching]
        return answer(changes, self.wanted.returns, many=True)


def plan(wanted: command.Delete, resource: Resource, limits: Limits) -> Delete | DeleteWhere:
    """Check the key, or the filter.

    :raises Invalid: with the faults
    :raises LimitExceeded: `max_rows` is over the limit
    """
    faults = Faults()
    with faults.gathered():
        check_way(wanted, resource, limits)
    if wanted.where is command.ABSENT:
        with faults.gathered():
            key = load_key(resource, wanted.key)
        faults.check()
        return Delete(resource, key, wanted)
    with faults.gathered():
        where = condition(resource, filters.parse(wanted.where, limits))
    faults.check()
    return DeleteWhere(resource, where, wanted)
