"""`create`: insert a row, or several, with related rows inline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from service.contract import command
from service.contract.errors import Detail, Invalid
from service.contract.limits import Limits
from service.execution.actions.plan import Plan
from service.execution.actions.way import check_count
from service.execution.change import Answer, Change, Returns, answer
from service.execution.links import change_links
from service.execution.rows import Rows
from service.resources.input import RowInput, new_row, new_rows
from service.resources.resource import Resource, Row


@dataclass(slots=True)
class _Created:
    """A row that was inserted, with what hangs on it."""

    change: Change
    children: dict[str, "_Created | list[_Created]"] = field(default_factory=dict)

    def shown(self, returns: Returns) -> dict[str, Any] | None:
        found = self.change.shown(returns)
        if found is not None and returns == "row":
            found |= {name: keys for name, (_, keys) in self.change.links.items()}
            for name, inner in self.children.items():
                found[name] = [one.shown(returns) for one in inner] if isinstance(inner, list) else inner.shown(returns)
        return found


@dataclass(frozen=True)
class Create(Plan):
    """Rows to insert, checked, none of them with others on it."""

    resource: Resource
    rows: list[Row]
    many: bool
    returns: Returns

    @property
    def written(self) -> Sequence[Row]:
        """Give the rows."""
        return self.rows

    async def run(self, rows: Rows) -> Answer:
        """Insert them."""
        changes = [await rows.insert(self.resource, row) for row in self.rows]
        return answer(changes, self.returns, many=self.many)


@dataclass(frozen=True)
class CreateNested(Plan):
    """Rows to insert, checked, with others on them."""

    resource: Resource
    rows: Sequence[RowInput]
    many: bool
    returns: Returns
    is_atomic = True

    async def run(self, rows: Rows) -> Answer:
        """Insert them, each before those that hang on it."""
        changes: list[Change] = []
        created = [await self._insert(rows, self.resource, one, one.row, changes) for one in self.rows]

        def data() -> Any:  # noqa: ANN401 - JSON is any value
            shown = [one.shown(self.returns) for one in created]
            return None if self.returns == "none" else shown if self.many else shown[0]

        return Answer(data, changes)

    async def _insert(
        self, rows: Rows, resource: Resource, given: RowInput, row: Row, changes: list[Change]
    ) -> _Created:
        change = await rows.insert(resource, row)
        changes.append(change)
        created = _Created(change)
        if given.is_nested:
            await rows.flush()
            change.links = await change_links(rows, resource, change.row, given.links)
            for name, inner in given.children.items():
                relation = resource.relations[name]
                whose = {theirs.key: change.row[ours.key] for ours, theirs in relation.pairs}
                found = [await self._insert(rows, relation.target, one, {**one.row, **whose}, changes) for one in inner]
                created.children[name] = found if relation.many else found[0]
        return created


def plan(wanted: command.Create, resource: Resource, limits: Limits) -> Create | CreateNested:
    """Check the rows.

    :raises Invalid: with the faults of all of them
    :raises LimitExceeded: too many rows
    """
    many = isinstance(wanted.data, list)
    if many:
        check_count(len(wanted.data), limits, "data")
        if not wanted.data:
            raise Invalid("the data is not valid", [Detail("data", "is empty")])
        rows = new_rows(resource, wanted.data, "data")
    else:
        rows = [new_row(resource, wanted.data, "data")]
    check_count(sum(one.count() for one in rows), limits, "data")
    if any(one.is_nested for one in rows):
        return CreateNested(resource, rows, many, wanted.returns)
    return Create(resource, [one.row for one in rows], many, wanted.returns)
