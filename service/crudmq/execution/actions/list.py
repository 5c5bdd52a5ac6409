"""`list`: read a page of the rows that match a filter."""

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Select, func, select

from crudmq.contract import command, filters, include
from crudmq.contract.command import Limits
from crudmq.contract.errors import Detail, Faults, LimitExceeded
from crudmq.execution.actions.plan import Plan
from crudmq.execution.changes import Result
from crudmq.execution.query import order
from crudmq.execution.query.order import Cursors
from crudmq.execution.query.projection import Projection, select_fields
from crudmq.execution.query.projection import plan as plan_include
from crudmq.execution.query.where import Clause, condition
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Resource, Row


@dataclass(frozen=True)
class List(Plan):
    """A validated query."""

    resource: Resource
    request: command.List
    where: Clause
    order_by: list[order.OrderBy]
    after: list[Any] | None
    limit: int
    projection: Projection
    cursors: Cursors
    is_deferred_read: bool = True

    @classmethod
    def plan(cls, request: command.List, resource: Resource, limits: Limits, cursors: Cursors) -> Self:
        """Validate a command.

        :raises Invalid: the details list all errors
        :raises LimitExceeded: the page, the filter or an include exceeds a limit
        """
        limit = limits.default_page if request.limit is None else request.limit
        if limit > limits.max_page:
            fault = Detail("limit", f"exceeds the limit of {limits.max_page}")
            raise LimitExceeded(f"a page has at most {limits.max_page} rows", [fault])
        both = request.after is not None and request.offset is not None
        faults = Faults([Detail("offset", "cannot be combined with `after`")] if both else [])
        with faults.gathered():
            where = condition(resource, filters.parse(request.where, limits))
        with faults.gathered():
            order_by = order.parse(resource, request.order)
            after = None if request.after is None else cursors.read(request.after, _query(request), order_by)
        with faults.gathered():
            selected = select_fields(resource, request.fields)
        with faults.gathered():
            includes = plan_include(resource, include.parse(request.include, limits), limits)
        faults.check()
        projection = Projection(selected, includes, limits.max_related)
        return cls(resource, request, where, order_by, after, limit, projection, cursors)

    async def run(self, uow: UnitOfWork) -> Result:
        """Read the page.

        :raises LimitExceeded: more rows than an include supports
        """
        rows = [self.resource.row(values) for values in await uow.execute(self._statement())]
        page: dict[str, Any] = {"limit": self.limit, "next": self._next(rows)}
        if self.request.offset is not None:
            page["offset"] = self.request.offset
        if self.request.count:
            counting = select(func.count()).select_from(self.resource.table).where(self.where)
            page["count"] = (await uow.execute(counting)).scalar()
        data = await self.projection.dump(uow, rows[: self.limit])
        return Result(lambda: data, extra={"page": page})

    def _statement(self) -> Select[Any]:
        table = self.resource.table
        statement = select(*self.resource.columns).where(self.where).order_by(*order.clauses(self.order_by, table))
        if self.after is not None:
            statement = statement.where(order.seek(self.order_by, self.after, table))
        # One row more than the limit: it shows whether there is a next page.
        return statement.limit(self.limit + 1).offset(self.request.offset)

    def _next(self, rows: list[Row]) -> str | None:
        if not 0 < self.limit < len(rows):
            return None
        return self.cursors.write(_query(self.request), self.order_by, rows[self.limit - 1])


def _query(request: command.List) -> object:
    """Return the identity of a cursor's query: pages may differ in size, fields and includes."""
    return [request.resource, request.order, request.where]
