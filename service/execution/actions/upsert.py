"""`upsert`: change the rows that have the values of a unique key, insert those that there are not."""

from dataclasses import dataclass
from typing import Any

from service.contract import command
from service.contract.errors import Conflict, Detail, Invalid
from service.contract.faults import Faults
from service.contract.limits import Limits
from service.contract.path import at
from service.execution.actions.plan import Plan
from service.execution.actions.way import check_count
from service.execution.change import Answer, Change, Returns, answer
from service.execution.rows import Rows
from service.resources.input import new_row, new_rows
from service.resources.resource import Field, Resource, Row

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Upsert(Plan):
    """Rows to have, checked."""

    resource: Resource
    rows: list[Row]
    given: list[set[str]]
    """For each row, the columns that the message named."""
    on: tuple[Field, ...]
    many: bool
    returns: Returns
    is_atomic = True
    may_race = True

    async def run(self, rows: Rows) -> Answer:
        """Change or insert them, in the order given."""
        wanted = {values for row in self.rows if (values := self._values(row)) is not None}
        present: dict[Any, Change | Row] = {}
        for row in await rows.having(self.resource, self.on, wanted):
            present[self._identity(row)] = row
        changes: list[Change] = []
        for row, given in zip(self.rows, self.given, strict=True):
            if changes and changes[-1].before is not None:
                # A new row may take what the changed one had: they are written in their order.
                await rows.flush()
            change = await self._one(rows, row, given, present)
            if self._values(row) is not None:
                present[self._identity(row)] = change
            changes.append(change)
        created = sum(change.before is None for change in changes)
        return answer(changes, self.returns, many=self.many, created=created)

    async def _one(self, rows: Rows, row: Row, given: set[str], present: dict[Any, Change | Row]) -> Change:
        found = None if self._values(row) is None else present.get(self._identity(row))
        if found is None:
            return await rows.insert(self.resource, row)
        if isinstance(found, Change):
            # The message names this row a second time.
            await rows.flush()
            found = found.row
        self._check_key(found, row, given)
        fixed = {field.column.key for field in (*self.resource.key, *self.on)}
        fixed |= {field.column.key for field in self.resource.fields.values() if field.write_once}
        return await rows.update(self.resource, found, {name: row[name] for name in given - fixed})

    def _check_key(self, found: Row, row: Row, given: set[str]) -> None:
        for field in self.resource.key:
            name = field.column.key
            if name in given and field.dump(found[name]) != field.dump(row[name]):
                message = f"the row that has these values has another {field.name}"
                raise Conflict(message, [Detail("data", message, {"kind": "unique", "fields": [field.name]})])

    def _values(self, row: Row) -> Values | None:
        """Give the values of the unique key; null is equal to nothing."""
        values = tuple(row.get(field.column.key) for field in self.on)
        return None if None in values else values

    def _identity(self, row: Row) -> Values:
        return tuple(field.dump(row[field.column.key]) for field in self.on)


def plan(wanted: command.Upsert, resource: Resource, limits: Limits) -> Upsert:
    """Check the rows, and that `on` is a unique key.

    :raises Invalid: with the faults
    :raises LimitExceeded: too many rows
    """
    many = isinstance(wanted.data, list)
    data = wanted.data if many else [wanted.data]
    check_count(len(data), limits, "data")
    if not data:
        raise Invalid("the data is not valid", [Detail("data", "is empty")])
    faults = Faults()
    with faults.gathered():
        on = resource.key if wanted.on is None else _unique(resource, wanted.on)
    with faults.gathered():
        found = new_rows(resource, data, "data") if many else [new_row(resource, wanted.data, "data")]
    faults.check()
    paths = [at("data", index) if many else "data" for index in range(len(found))]
    Faults(
        Detail(at(path, name), "does not go with upsert")
        for path, one in zip(paths, found, strict=True)
        for name in (*one.children, *one.links)
    ).check()
    given = [{resource.fields[name].column.key for name in one} for one in data]
    return Upsert(resource, [one.row for one in found], given, on, many, wanted.returns)


def _unique(resource: Resource, names: list[str]) -> tuple[Field, ...]:
    fields = tuple(field for name in names if (field := resource.readable(name)) is not None)
    columns = frozenset(field.column.key for field in fields)
    if len(fields) != len(names) or columns not in resource.unique_keys:
        raise Invalid("on is not valid", [Detail("on", f"is not a unique key of {resource.name}")])
    return fields
