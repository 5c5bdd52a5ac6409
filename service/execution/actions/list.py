"""`list`: a page of the rows that match."""

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.contract import command, filters
from service.contract.errors import Detail, Invalid, LimitExceeded
from service.contract.path import at
from service.execution.actions.plan import Limits, Page
from service.execution.where import condition, readable
from service.resources.resource import Resource


@dataclass(frozen=True, slots=True)
class List:
    """A query, checked and compiled to a statement."""

    resource: Resource
    statement: Select[Any]
    limit: int
    offset: int

    @classmethod
    def plan(cls, wanted: command.List, resource: Resource, limits: Limits) -> Self:
        """Check filter and order.

        :raises Invalid: with the faults
        :raises LimitExceeded: the page is larger than one may be
        """
        limit = limits.default_page if wanted.limit is None else wanted.limit
        if limit > limits.max_page:
            fault = Detail("limit", f"is over {limits.max_page}")
            raise LimitExceeded(f"a page has at most {limits.max_page} rows", [fault])
        statement = (
            select(*resource.columns)
            .where(*condition(resource, filters.parse(wanted.where)))
            .order_by(*_order(resource, wanted.order))
            .limit(limit)
            .offset(wanted.offset)
        )
        return cls(resource, statement, limit, wanted.offset)

    async def read(self, session: AsyncSession) -> Page:
        """Read the page."""
        rows = await session.execute(self.statement)
        data = [self.resource.dump(self.resource.row(found)) for found in rows]
        return Page(data, {"page": {"limit": self.limit, "offset": self.offset}})


def _order(resource: Resource, names: list[str]) -> list[ColumnElement[Any]]:
    faults: list[Detail] = []
    found: list[ColumnElement[Any]] = []
    for index, name in enumerate(names):
        field = readable(resource, name.removeprefix("-"))
        if field is None or not field.kind.comparable:
            faults.append(Detail(at("order", index), f"is not a field of {resource.name} to order by"))
        else:
            found.append(field.column.desc() if name.startswith("-") else field.column.asc())
    if faults:
        raise Invalid("the order is not valid", faults)
    # The key is the last word, so that no two rows are equal.
    return [*found, *(field.column.asc() for field in resource.key)]
