"""What a command does to a row."""

from dataclasses import dataclass

from service.resources.resource import Key, Resource, Row


@dataclass(slots=True)
class Change:
    """A row before and after. The `after` of a write is final once the rows are flushed."""

    resource: Resource
    before: Row | None
    after: Row | None

    @property
    def fact(self) -> str | None:
        """Say what happened: `created`, `updated`, `deleted`, or None for nothing."""
        if self.before is self.after:
            return None
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command came to: its rows, shown as one or as an array."""

    changes: list[Change]
    many: bool = False
