"""`delete`: delete the row with a key, or the rows that match a filter."""

from collections.abc import Sequence
from dataclasses import dataclass

from crudmq.contract import command, filters
from crudmq.contract.command import Limits
from crudmq.contract.errors import Faults
from crudmq.execution.actions.plan import Plan
from crudmq.execution.actions.targeting import check_target, check_version, get_or_raise, load_key
from crudmq.execution.changes import Result, changed_rows
from crudmq.execution.query.where import Clause, condition
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Key, Resource


@dataclass(frozen=True)
class Delete(Plan):
    """A row to delete, by its validated key."""

    resource: Resource
    key: Key
    request: command.Delete
    action = "delete"

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Return the key of the row."""
        return [(self.resource, self.key)]

    async def run(self, uow: UnitOfWork) -> Result:
        """Delete the row.

        :raises NotFound: it does not exist
        :raises VersionMismatch: its version differs from `if_version`
        """
        row = await get_or_raise(uow, self.resource, self.key)
        check_version(self.resource, row, self.request.if_version)
        return changed_rows([await uow.delete(self.resource, row)], self.request.returns, many=False)


@dataclass(frozen=True)
class DeleteWhere(Plan):
    """The rows to delete, by a validated filter."""

    resource: Resource
    where: Clause
    request: command.Delete
    action = "delete"

    async def run(self, uow: UnitOfWork) -> Result:
        """Delete the rows, in key order.

        :raises LimitExceeded: more rows match than `max_rows`
        """
        matched = await uow.select_for_update(self.resource, self.where, self.request.max_rows or 0)
        changes = [await uow.delete(self.resource, row) for row in matched]
        return changed_rows(changes, self.request.returns, many=True)


def plan(request: command.Delete, resource: Resource, limits: Limits) -> Delete | DeleteWhere:
    """Validate a command.

    :raises Invalid: the details list all errors
    :raises LimitExceeded: `max_rows` exceeds the limit
    """
    faults = Faults()
    with faults.gathered():
        check_target(request, resource, limits)
    if request.where is command.ABSENT:
        with faults.gathered():
            key = load_key(resource, request.key)
        faults.check()
        return Delete(resource, key, request)
    with faults.gathered():
        where = condition(resource, filters.parse(request.where, limits))
    faults.check()
    return DeleteWhere(resource, where, request)
