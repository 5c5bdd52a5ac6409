"""`update`: change the row that has a key, several rows each in its own way, or the rows that match."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.contract import command, filters
from service.contract.errors import CommandError, Detail, Invalid
from service.contract.faults import Faults
from service.contract.limits import Limits
from service.contract.path import at
from service.execution.actions.plan import Plan
from service.execution.actions.way import check_count, check_version, check_versioned, check_way, found, load_key
from service.execution.change import Answer, Change, Returns, answer
from service.execution.links import change_links
from service.execution.query.where import Clause, condition
from service.execution.rows import Rows
from service.resources.input import RowInput, changes
from service.resources.resource import Key, Resource, Row


@dataclass(frozen=True)
class _One:
    """A change of one row, checked."""

    key: Key
    values: RowInput
    if_version: int | None
    path: str = ""

    async def run(self, rows: Rows, resource: Resource) -> Change:
        try:
            row = await found(rows, resource, self.key)
        except CommandError as error:
            raise error.within(self.path) if self.path else error from None
        check_version(resource, row, self.if_version, at(self.path, "if_version"))
        links = await change_links(rows, resource, row, self.values.links) if self.values.links else {}
        return await rows.update(resource, row, self.values.row, links)


@dataclass(frozen=True)
class Update(Plan):
    """Changes of rows by their keys, checked."""

    resource: Resource
    each: list[_One]
    many: bool
    returns: Returns

    @property
    def is_atomic(self) -> bool:  # type: ignore[override]
        """A single row without links is changed or not; anything more can fail half-way."""
        return len(self.each) > 1 or any(one.values.links for one in self.each)

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Name the rows."""
        return [(self.resource, one.key) for one in self.each]

    @property
    def written(self) -> Sequence[Row]:
        """Give what changes."""
        return [one.values.row for one in self.each]

    async def run(self, rows: Rows) -> Answer:
        """Change them in the order given."""
        return answer([await one.run(rows, self.resource) for one in self.each], self.returns, many=self.many)


@dataclass(frozen=True)
class UpdateWhere(Plan):
    """A change of all rows that match, checked."""

    resource: Resource
    where: Clause
    values: Row
    max_rows: int
    returns: Returns

    async def run(self, rows: Rows) -> Answer:
        """Change them, in the order of their keys.

        :raises LimitExceeded: more rows match than may
        """
        matching = await rows.matching(self.resource, self.where, self.max_rows)
        return answer([await rows.update(self.resource, row, self.values) for row in matching], self.returns, many=True)


def plan(wanted: command.Update, resource: Resource, limits: Limits) -> Update | UpdateWhere:
    """Check what is to be changed, and how.

    :raises Invalid: with the faults
    :raises LimitExceeded: too many rows
    """
    if isinstance(wanted.data, list):
        return _plan_each(wanted, resource, limits)
    faults = Faults()
    with faults.gathered():
        check_way(wanted, resource, limits)
    with faults.gathered():
        values = changes(resource, wanted.data, "data")
    if wanted.where is command.ABSENT:
        with faults.gathered():
            key = load_key(resource, wanted.key)
        faults.check()
        return Update(resource, [_One(key, values, wanted.if_version)], many=False, returns=wanted.returns)
    with faults.gathered():
        where = condition(resource, filters.parse(wanted.where, limits))
    faults.check()
    if values.links:
        links = [Detail(at("data", name), "can only be written by key") for name in values.links]
        raise Invalid("the data is not valid", links)
    return UpdateWhere(resource, where, values.row, wanted.max_rows or 0, wanted.returns)


def _plan_each(wanted: command.Update, resource: Resource, limits: Limits) -> Update:
    beside = {"key": wanted.key, "where": wanted.where}
    faults = [
        Detail(name, "does not go with an array") for name, value in beside.items() if value is not command.ABSENT
    ]
    more = {"if_version": wanted.if_version, "max_rows": wanted.max_rows}
    faults += [Detail(name, "does not go with an array") for name, value in more.items() if value is not None]
    faults += [] if wanted.data else [Detail("data", "is empty")]
    check_count(len(wanted.data), limits, "data")
    each: list[_One] = []
    for index, item in enumerate(wanted.data):
        try:
            each.append(_plan_one(item, resource, at("data", index)))
        except CommandError as error:
            faults += error.details
    if faults:
        raise Invalid("the data is not valid", faults)
    return Update(resource, each, many=True, returns=wanted.returns)


def _plan_one(item: Any, resource: Resource, path: str) -> _One:  # noqa: ANN401 - JSON is any value
    if not isinstance(item, dict):
        raise Invalid("the data is not valid", [Detail(path, "is not an object of key and data")])
    known = ("key", "data", "if_version")
    faults = [Detail(at(path, name), "is not a field of a change") for name in item if name not in known]
    faults += [Detail(at(path, name), "is required") for name in ("key", "data") if name not in item]
    version = item.get("if_version")
    if version is not None and type(version) is not int:
        faults.append(Detail(at(path, "if_version"), "is not an integer"))
    if faults:
        raise Invalid("the data is not valid", faults)
    check_versioned(resource, version, at(path, "if_version"))
    key = resource.load_key(item["key"], at(path, "key"))
    return _One(key, changes(resource, item["data"], at(path, "data")), version, path)
