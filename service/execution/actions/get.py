"""`get`: the row that has a key, or the only one that matches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import select

from service.contract import command, filters, include
from service.contract.errors import MultipleFound, NotFound
from service.contract.faults import Faults
from service.contract.limits import Limits
from service.execution.actions.plan import Plan
from service.execution.actions.way import check_one_of, found
from service.execution.change import Answer
from service.execution.query import fields
from service.execution.query.include import Included, dump
from service.execution.query.include import plan as plan_include
from service.execution.query.where import Clause, condition
from service.execution.rows import Rows
from service.resources.resource import Field, Key, Resource, Row


@dataclass(frozen=True)
class Get(Plan):
    """A row to read, checked."""

    resource: Resource
    key: Key | None
    where: Clause | None
    fields: tuple[Field, ...]
    includes: list[Included]

    @classmethod
    def plan(cls, wanted: command.Get, resource: Resource, limits: Limits) -> Self:
        """Check key, filter, fields and includes.

        :raises Invalid: with the faults
        """
        faults = Faults()
        key, where = None, None
        with faults.gathered():
            check_one_of(wanted)
        with faults.gathered():
            if wanted.key is not command.ABSENT:
                key = resource.load_key(wanted.key)
        with faults.gathered():
            if wanted.where is not command.ABSENT:
                where = condition(resource, filters.parse(wanted.where, limits))
        with faults.gathered():
            shown = fields.chosen(resource, wanted.fields)
        with faults.gathered():
            includes = plan_include(resource, include.parse(wanted.include, limits), limits)
        faults.check()
        return cls(resource, key, where, shown, includes)

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Name the row."""
        return [] if self.key is None else [(self.resource, self.key)]

    async def run(self, rows: Rows) -> Answer:
        """Find it."""
        row = await self._row(rows)
        if self.includes:
            await rows.flush()
        (shown,) = await dump(rows.session, self.fields, self.includes, [row])
        return Answer(lambda: shown)

    async def _row(self, rows: Rows) -> Row:
        if self.key is not None:
            return await found(rows, self.resource, self.key, lock=False)
        await rows.flush()
        assert self.where is not None  # noqa: S101 - there is one of the two
        two = (await rows.session.execute(select(*self.resource.columns).where(self.where).limit(2))).all()
        if not two:
            raise NotFound(f"no row of {self.resource.name} matches")
        if len(two) > 1:
            raise MultipleFound(f"several rows of {self.resource.name} match")
        return self.resource.row(two[0])
