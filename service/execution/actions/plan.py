"""What an action must be: a command that was checked against its resource, ready to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from service.execution.change import Answer
from service.execution.rows import Rows
from service.resources.resource import Key, Resource


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a single command may ask for."""

    max_bytes: int = 2**20
    max_page: int = 1000
    default_page: int = 100


class Plan(Protocol):
    """A command that runs in its group's transaction."""

    @property
    def resource(self) -> Resource:
        """What it works on."""

    @property
    def keys(self) -> Sequence[Key]:
        """Which rows it is known to touch, to be loaded with those of its neighbours."""

    async def run(self, rows: Rows) -> Answer:
        """Do it. A command that fails here has changed nothing.

        :raises CommandError: it cannot be done
        """


@dataclass(frozen=True, slots=True)
class Page:
    """What a query found, and what stands beside it in the result."""

    data: Any
    beside: dict[str, Any]


class Query(Protocol):
    """A command that reads on a session of its own, after the group."""

    async def read(self, session: AsyncSession) -> Page:
        """Read it.

        :raises CommandError: it cannot be done
        """
