"""`create`: insert one row or several, with related rows inline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from crudmq.contract import command
from crudmq.contract.command import Limits
from crudmq.contract.errors import Detail, Invalid
from crudmq.execution.actions.plan import Plan, Savepoint
from crudmq.execution.changes import Change, Result, Returns, changed_rows
from crudmq.execution.links import change_links
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Resource, Row
from crudmq.resources.row_input import RowInput, check_size, new_row, new_rows


@dataclass(slots=True)
class _Created:
    """A row that was inserted, with its child rows."""

    change: Change
    children: dict[str, "_Created | list[_Created]"] = field(default_factory=dict)

    def shown(self, returns: Returns) -> dict[str, Any] | None:
        row = self.change.shown(returns)
        if row is not None and returns == "row":
            row |= {name: keys for name, (_, keys) in self.change.links.items()}
            for name, child in self.children.items():
                created = [inner.shown(returns) for inner in (child if isinstance(child, list) else [child])]
                row[name] = created if isinstance(child, list) else created[0]
        return row


@dataclass(frozen=True)
class Create(Plan):
    """Validated rows to insert, without child rows or links."""

    resource: Resource
    rows: list[Row]
    many: bool
    returns: Returns
    action = "create"

    @property
    def written(self) -> Sequence[Row]:
        """Return the rows."""
        return self.rows

    async def run(self, uow: UnitOfWork) -> Result:
        """Insert the rows."""
        changes = [await uow.insert(self.resource, row) for row in self.rows]
        return changed_rows(changes, self.returns, many=self.many)


@dataclass(frozen=True)
class CreateNested(Plan):
    """Validated rows to insert, with child rows or links."""

    resource: Resource
    rows: Sequence[RowInput]
    many: bool
    returns: Returns
    action = "create"
    savepoint = Savepoint.ON_FAILURE

    async def run(self, uow: UnitOfWork) -> Result:
        """Insert the rows, each before its children."""
        changes: list[Change] = []
        created = [await self._insert(uow, self.resource, row, row.row, changes) for row in self.rows]

        def data() -> Any:  # noqa: ANN401 - JSON is any value
            shown = [row.shown(self.returns) for row in created]
            return None if self.returns == "none" else shown if self.many else shown[0]

        return Result(data, changes)

    async def _insert(
        self, uow: UnitOfWork, resource: Resource, given: RowInput, row: Row, changes: list[Change]
    ) -> _Created:
        change = await uow.insert(resource, row)
        changes.append(change)
        created = _Created(change)
        if given.is_nested:
            await uow.flush()
            change.links = await change_links(uow, resource, change.row, given.links)
            for name, children in given.children.items():
                relation = resource.relations[name]
                owner = {theirs.key: change.row[ours.key] for ours, theirs in relation.pairs}
                rows = [await self._insert(uow, relation.target, row, row.row | owner, changes) for row in children]
                created.children[name] = rows if relation.many else rows[0]
        return created


def plan(request: command.Create, resource: Resource, limits: Limits) -> Create | CreateNested:
    """Validate a command.

    :raises Invalid: the details list the errors of all rows
    :raises LimitExceeded: too many rows
    """
    many = isinstance(request.data, list)
    if many:
        limits.check_rows(len(request.data), "data")
        if not request.data:
            raise Invalid("the data is not valid", [Detail("data", "is empty")])
        rows = new_rows(resource, request.data, "data")
    else:
        rows = [new_row(resource, request.data, "data")]
    check_size(rows, limits)
    if any(row.is_nested for row in rows):
        return CreateNested(resource, rows, many, request.returns)
    return Create(resource, [row.row for row in rows], many, request.returns)
