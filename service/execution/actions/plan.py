"""What an action must be: a command that was checked against the mapping, ready to run."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from service.execution.change import Answer
from service.execution.rows import Rows
from service.resources.resource import Key, Resource, Row


class Plan(ABC):
    """A command that was checked."""

    runs_beside: bool = False
    """Whether it may be slow and changes nothing: it then runs after its group, on a session of its own."""
    is_atomic: ClassVar[bool] = False
    """Whether it can fail half-way: it then has to be undone, and runs again in a savepoint."""
    is_opaque: bool = False
    """Whether it runs SQL of the operator, of which nobody knows what it does: in a savepoint from the start."""
    may_race: ClassVar[bool] = False
    """Whether a conflict may come of somebody else's commit in between: run again, it sees what that left."""

    @property
    def target(self) -> Resource | None:
        """Give what it works on, where that is one resource."""
        return getattr(self, "resource", None)

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Which rows it is known to touch: they are loaded with those of its neighbours."""
        return ()

    @property
    def written(self) -> Sequence[Row]:
        """Give the values that it is known to write to rows of its target."""
        return ()

    @abstractmethod
    async def run(self, rows: Rows) -> Answer:
        """Do it, as far as possible in memory. Where it is not atomic, a command that fails has changed nothing.

        :raises CommandError: it cannot be done
        """
