"""The interface of actions: a command that was validated against the mapping and can run."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum, auto
from typing import ClassVar

from crudmq.execution.changes import Result
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Key, Resource, Row


class Savepoint(Enum):
    """When a command runs in its own savepoint."""

    NEVER = auto()
    """A failing command has changed nothing."""
    ON_FAILURE = auto()
    """It can fail midway: after its group has failed, it runs again in a savepoint."""
    ALWAYS = auto()
    """It runs the operator's SQL, whose effects are unknown: in a savepoint from the start."""


class Plan(ABC):
    """A validated command."""

    is_deferred_read: bool = False
    """Whether it is a read that may be slow. Such a read runs after its group, in its own session."""
    savepoint: Savepoint = Savepoint.NEVER
    action: ClassVar[str | None] = None
    """The action, if it determines which side of a foreign key is violated."""
    retry_on_conflict: ClassVar[bool] = False
    """Whether a conflict may come from a concurrent commit, so that another run in its savepoint may succeed."""

    @property
    def target(self) -> Resource | None:
        """Return the resource of the command; None unless it works on exactly one."""
        return getattr(self, "resource", None)

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Return the keys of the rows that it reads or writes, as far as known: the group loads them together."""
        return ()

    @property
    def written(self) -> Sequence[Row]:
        """Return the values that it writes to rows of its target, as far as known."""
        return ()

    @abstractmethod
    async def run(self, uow: UnitOfWork) -> Result:
        """Run the command; writes may stay pending in the unit of work.

        If `savepoint` is `NEVER`, a command that raises has changed nothing.

        :raises CommandError: the command fails
        """
