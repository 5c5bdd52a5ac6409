"""`get`: read the row with a key, or the only row that matches a filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import select

from crudmq.contract import command, filters, include
from crudmq.contract.command import Limits
from crudmq.contract.errors import Faults, MultipleFound, NotFound
from crudmq.execution.actions.plan import Plan
from crudmq.execution.actions.targeting import faults_of_target, get_or_raise
from crudmq.execution.changes import Result
from crudmq.execution.query.projection import Projection, select_fields
from crudmq.execution.query.projection import plan as plan_include
from crudmq.execution.query.where import Clause, condition
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Key, Resource, Row


@dataclass(frozen=True)
class Get(Plan):
    """The row to read, by a validated key or filter."""

    resource: Resource
    key: Key | None
    where: Clause | None
    projection: Projection

    @classmethod
    def plan(cls, request: command.Get, resource: Resource, limits: Limits) -> Self:
        """Validate a command.

        :raises Invalid: the details list all errors
        :raises LimitExceeded: the filter or an include exceeds a limit
        """
        faults = Faults(faults_of_target(request))
        key, where = None, None
        with faults.gathered():
            if request.key is not command.ABSENT:
                key = resource.load_key(request.key)
        with faults.gathered():
            if request.where is not command.ABSENT:
                where = condition(resource, filters.parse(request.where, limits))
        with faults.gathered():
            selected = select_fields(resource, request.fields)
        with faults.gathered():
            includes = plan_include(resource, include.parse(request.include, limits), limits)
        faults.check()
        return cls(resource, key, where, Projection(selected, includes, limits.max_related))

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Return the key of the row."""
        return [] if self.key is None else [(self.resource, self.key)]

    async def run(self, uow: UnitOfWork) -> Result:
        """Read the row.

        :raises NotFound: no row has the key, or matches
        :raises MultipleFound: several rows match
        """
        (dumped,) = await self.projection.dump(uow, [await self._row(uow)])
        return Result(lambda: dumped)

    async def _row(self, uow: UnitOfWork) -> Row:
        if self.key is not None:
            return await get_or_raise(uow, self.resource, self.key, lock=False)
        assert self.where is not None  # noqa: S101 - a command has one of the two
        rows = (await uow.execute(select(*self.resource.columns).where(self.where).limit(2))).all()
        if not rows:
            raise NotFound(f"no row of {self.resource.name} matches")
        if len(rows) > 1:
            raise MultipleFound(f"several rows of {self.resource.name} match")
        return self.resource.row(rows[0])
