"""`list`: a page of the rows that match."""

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Select, func, select

from service.contract import command, filters, include
from service.contract.errors import Detail, LimitExceeded
from service.contract.faults import Faults
from service.contract.limits import Limits
from service.execution.actions.plan import Plan
from service.execution.change import Answer
from service.execution.query import cursor, fields, order
from service.execution.query.include import Included, dump
from service.execution.query.include import plan as plan_include
from service.execution.query.where import Clause, condition
from service.execution.rows import Rows
from service.resources.resource import Field, Resource, Row


@dataclass(frozen=True)
class List(Plan):
    """A query, checked."""

    resource: Resource
    wanted: command.List
    where: Clause
    terms: list[order.Term]
    after: list[Any] | None
    limit: int
    fields: tuple[Field, ...]
    includes: list[Included]
    runs_beside: bool = True

    @classmethod
    def plan(cls, wanted: command.List, resource: Resource, limits: Limits) -> Self:
        """Check filter, order, cursor, fields and includes.

        :raises Invalid: with the faults
        :raises LimitExceeded: the page is larger than one may be, or the filter is
        """
        limit = limits.default_page if wanted.limit is None else wanted.limit
        if limit > limits.max_page:
            raise LimitExceeded(
                f"a page has at most {limits.max_page} rows", [Detail("limit", f"is over {limits.max_page}")]
            )
        both = wanted.after is not None and wanted.offset is not None
        faults = Faults([Detail("offset", "does not go with after")] if both else [])
        with faults.gathered():
            where = condition(resource, filters.parse(wanted.where, limits))
        with faults.gathered():
            terms = order.parse(resource, wanted.order)
            after = None if wanted.after is None else cursor.read(wanted.after, _query(wanted), terms)
        with faults.gathered():
            shown = fields.chosen(resource, wanted.fields)
        with faults.gathered():
            includes = plan_include(resource, include.parse(wanted.include, limits), limits)
        faults.check()
        return cls(resource, wanted, where, terms, after, limit, shown, includes)

    async def run(self, rows: Rows) -> Answer:
        """Read the page."""
        await rows.flush()
        found = [self.resource.row(one) for one in await rows.session.execute(self._statement())]
        page: dict[str, Any] = {"limit": self.limit, "next": self._next(found)}
        if self.wanted.offset is not None:
            page["offset"] = self.wanted.offset
        if self.wanted.count:
            counting = select(func.count()).select_from(self.resource.table).where(self.where)
            page["count"] = await rows.session.scalar(counting)
        shown = await dump(rows.session, self.fields, self.includes, found[: self.limit])
        return Answer(lambda: shown, beside={"page": page})

    def _statement(self) -> Select[Any]:
        table = self.resource.table
        statement = select(*self.resource.columns).where(self.where).order_by(*order.sorting(self.terms, table))
        if self.after is not None:
            statement = statement.where(order.after(self.terms, self.after, table))
        # One row more than asked for tells whether there is a next page.
        return statement.limit(self.limit + 1).offset(self.wanted.offset)

    def _next(self, found: list[Row]) -> str | None:
        if not 0 < self.limit < len(found):
            return None
        return cursor.write(_query(self.wanted), self.terms, found[self.limit - 1])


def _query(wanted: command.List) -> object:
    """Give what a cursor belongs to: pages may differ in size, fields and includes."""
    return [wanted.resource, wanted.order, wanted.where]
