"""How long a transaction waits for a row that somebody else holds.

A command by itself waits for as long as a statement may take. A group does not: the commands of a hundred others would
wait with it, and then again in each half that the group is split into.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

BRIEF = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class LockWaits:
    """What a database must be told at the beginning of a transaction, if anything."""

    brief: str | None = None
    long: str | None = None

    async def choose(self, session: AsyncSession, *, brief: bool) -> None:
        """Wait for locks so long in this transaction."""
        statement = self.brief if brief else self.long
        if statement is not None:
            await session.execute(text(statement))
