"""What commands do to rows, and what they come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from service.resources.resource import Key, Resource, Row

Returns = Literal["row", "key", "none"]
Links = dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]


@dataclass(slots=True)
class Change:
    """A row before and after. The `after` of a write is final once the rows are flushed."""

    resource: Resource
    before: Row | None
    after: Row | None
    links: Links = field(default_factory=dict)
    """By relationship, the keys that the row was linked to before, and those after."""

    @property
    def fact(self) -> str | None:
        """Say what happened: `created`, `updated`, `deleted`, or None for nothing."""
        if self.before is self.after:
            return "updated" if self.links else None
        return "created" if self.before is None else "deleted" if self.after is None else "updated"

    @property
    def row(self) -> Row:
        """Give the row as it is now, or as it last was."""
        row = self.before if self.after is None else self.after
        assert row is not None  # noqa: S101 - a change has one side at least
        return row

    @property
    def key(self) -> Key:
        """Give the row's primary key."""
        return self.resource.key_of(self.row)

    def shown(self, returns: Returns) -> dict[str, Any] | None:
        """Write the row as its result shows it."""
        if returns == "none":
            return None
        return self.resource.dump(self.row) if returns == "row" else self.resource.dump_key(self.key)


@dataclass(frozen=True, slots=True)
class Declared:
    """An event that a named statement declares."""

    type: str
    data: dict[str, Any]


@dataclass(slots=True)
class Answer:
    """What a command came to."""

    data: Callable[[], Any]
    """Gives the result's `data`, once the rows are flushed."""
    changes: Sequence[Change] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    """What stands beside `data`."""
    declared: Sequence[Declared] = ()


def answer(changes: Sequence[Change], returns: Returns, *, many: bool, **beside: object) -> Answer:
    """Answer with the rows that were changed, as one or as an array."""

    def data() -> Any:  # noqa: ANN401 - JSON is any value
        if returns == "none":
            return None
        shown = [change.shown(returns) for change in changes]
        return shown if many else shown[0]

    return Answer(data, changes, beside)
