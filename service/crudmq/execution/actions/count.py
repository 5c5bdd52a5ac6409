"""`count`: count the rows that match, in total or by group."""

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import func, select

from crudmq.contract import command, filters
from crudmq.contract.command import Limits
from crudmq.contract.errors import Detail, Faults, Invalid, LimitExceeded, at
from crudmq.execution.actions.plan import Plan
from crudmq.execution.changes import Result
from crudmq.execution.query.order import OrderBy, clauses
from crudmq.execution.query.projection import select_fields
from crudmq.execution.query.where import Clause, condition
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Field, Resource

_COUNT = "count"
"""The field of a group that contains its number of rows."""


@dataclass(frozen=True)
class Count(Plan):
    """A validated filter, and the fields to group by."""

    resource: Resource
    where: Clause
    by: tuple[Field, ...] | None
    max_groups: int
    is_deferred_read: bool = True

    @classmethod
    def plan(cls, request: command.CountRows, resource: Resource, limits: Limits) -> Self:
        """Validate a command.

        :raises Invalid: the details list all errors
        :raises LimitExceeded: the filter exceeds a limit
        """
        faults = Faults()
        with faults.gathered():
            by = None if request.by is None else _groups(resource, request.by)
        with faults.gathered():
            where = condition(resource, filters.parse(request.where, limits))
        faults.check()
        return cls(resource, where, by, limits.max_page)

    async def run(self, uow: UnitOfWork) -> Result:
        """Count the rows.

        :raises LimitExceeded: more groups than a page may have rows
        """
        if self.by is not None:
            groups = await self._count_groups(uow, self.by)
            return Result(lambda: groups)
        statement = select(func.count()).select_from(self.resource.table).where(self.where)
        total = (await uow.execute(statement)).scalar()
        return Result(lambda: total)

    async def _count_groups(self, uow: UnitOfWork, by: tuple[Field, ...]) -> list[dict[str, Any]]:
        columns = [field.column for field in by]
        sorting = clauses([OrderBy(field) for field in by], self.resource.table)
        statement = select(*columns, func.count()).where(self.where).group_by(*columns).order_by(*sorting)
        groups: list[Any] = list(await uow.execute(statement.limit(self.max_groups + 1)))
        if len(groups) > self.max_groups:
            raise LimitExceeded(f"the result has more than {self.max_groups} groups")
        return [
            {**{field.name: field.dump(value) for field, value in zip(by, values, strict=True)}, _COUNT: count}
            for *values, count in groups
        ]


def _groups(resource: Resource, names: list[str]) -> tuple[Field, ...]:
    by = select_fields(resource, names, "by")
    faults = [
        Detail(at("by", names.index(field.name)), f"is not a groupable field of {resource.name}")
        for field in by
        if not field.value_type.comparable or field.name == _COUNT
    ]
    if faults or not by:
        raise Invalid("the groups are not valid", faults or [Detail("by", "is empty")])
    return by
