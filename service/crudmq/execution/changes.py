"""Changes to rows, and the results of commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from crudmq.resources.resource import Key, Resource, Row

Returns = Literal["row", "key", "none"]
Links = dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]


@dataclass(slots=True)
class Change:
    """A row before and after. The `after` of a write is final once the rows are flushed."""

    resource: Resource
    before: Row | None
    after: Row | None
    links: Links = field(default_factory=dict)
    """By relationship, the keys of the rows linked before and of those linked after."""

    @property
    def event_kind(self) -> str | None:
        """The kind of change: `created`, `updated`, `deleted`, or None if nothing changed."""
        if self.before is self.after:
            return "updated" if self.links else None
        return "created" if self.before is None else "deleted" if self.after is None else "updated"

    @property
    def row(self) -> Row:
        """The current row, or the last one before it was deleted."""
        row = self.before if self.after is None else self.after
        assert row is not None  # noqa: S101 - a change has at least one of the two
        return row

    @property
    def key(self) -> Key:
        """The row's primary key."""
        return self.resource.key_of(self.row)

    def shown(self, returns: Returns) -> dict[str, Any] | None:
        """Return the row as JSON data of the result."""
        if returns == "none":
            return None
        return self.resource.dump(self.row) if returns == "row" else self.resource.dump_key(self.key)


@dataclass(frozen=True, slots=True)
class CustomEvent:
    """An event that a named statement declares."""

    type: str
    data: dict[str, Any]


@dataclass(slots=True)
class Result:
    """The result of a successful command."""

    data: Callable[[], Any]
    """Returns the result's `data`, once the rows are flushed."""
    changes: Sequence[Change] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """The result's fields besides `data`, such as `page`."""
    custom_events: Sequence[CustomEvent] = ()


def changed_rows(changes: Sequence[Change], returns: Returns, *, many: bool, **extra: object) -> Result:
    """Return the result of a command that changed rows: an array of them if `many`, else the only one."""

    def data() -> Any:  # noqa: ANN401 - JSON is any value
        if returns == "none":
            return None
        rows = [change.shown(returns) for change in changes]
        return rows if many else rows[0]

    return Result(data, changes, extra)
