"""`count`: how many rows match, all or by groups."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import func, select

from service.contract import command, filters
from service.contract.errors import Detail, Invalid, LimitExceeded
from service.contract.faults import Faults
from service.contract.limits import Limits
from service.contract.path import at
from service.execution.actions.plan import Plan
from service.execution.change import Answer
from service.execution.query import fields
from service.execution.query.order import Term, sorting
from service.execution.query.where import Clause, condition
from service.execution.rows import Rows
from service.resources.resource import Field, Resource

_COUNT = "count"
"""What the number of a group is called beside its fields."""


@dataclass(frozen=True)
class Count(Plan):
    """Rows to count, checked."""

    resource: Resource
    where: Clause
    by: tuple[Field, ...] | None
    most: int
    runs_beside: bool = True

    @classmethod
    def plan(cls, wanted: command.CountRows, resource: Resource, limits: Limits) -> Self:
        """Check filter and groups.

        :raises Invalid: with the faults
        """
        faults = Faults()
        with faults.gathered():
            by = None if wanted.by is None else _groups(resource, wanted.by)
        with faults.gathered():
            where = condition(resource, filters.parse(wanted.where, limits))
        faults.check()
        return cls(resource, where, by, limits.max_page)

    async def run(self, rows: Rows) -> Answer:
        """Count them.

        :raises LimitExceeded: more groups than a page has rows
        """
        await rows.flush()
        counted = func.count()
        if self.by is None:
            statement = select(counted).select_from(self.resource.table).where(self.where)
            total = await rows.session.scalar(statement)
            return Answer(lambda: total)
        columns = [field.column for field in self.by]
        terms = [Term(field) for field in self.by]
        grouped = select(*columns, counted).where(self.where).group_by(*columns).limit(self.most + 1)
        found = (await rows.session.execute(grouped.order_by(*sorting(terms, self.resource.table)))).all()
        if len(found) > self.most:
            raise LimitExceeded(f"there are more than {self.most} groups")
        names = [field.name for field in self.by]
        dumps = [field.dump for field in self.by]
        shown = [
            {**{name: dump(value) for name, dump, value in zip(names, dumps, one[:-1], strict=True)}, _COUNT: one[-1]}
            for one in found
        ]
        return Answer(lambda: shown)


def _groups(resource: Resource, names: list[str]) -> tuple[Field, ...]:
    by = fields.chosen(resource, names, "by")
    faults = [
        Detail(at("by", names.index(field.name)), f"is not a field of {resource.name} to group by")
        for field in by
        if not field.kind.comparable or field.name == _COUNT
    ]
    if faults or not by:
        raise Invalid("the groups are not valid", faults or [Detail("by", "is empty")])
    return by
