"""Finding those commands of a refused group that want values which another row has.

A group that the database refuses is split until the culprits are alone. Where a unique constraint says no, it is
cheaper to look: those whose values are taken run in savepoints of their own, and all the others as before. What is
found is a guess, and only makes the next try a better one.
"""

from collections.abc import Hashable, Iterator, Sequence

from sqlalchemy import Column, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.execution.attempt import Attempt
from service.execution.keys import one_of
from service.storage.constraints import Constraint
from service.storage.mapped import mapped

_Values = tuple[object, ...]
_MOST = 1000


async def contested(session: AsyncSession, attempts: Sequence[Attempt], violated: Constraint) -> list[Attempt]:
    """Find the attempts, not known as contested yet, that may be what violates a constraint; none, if nobody can tell.

    :raises sqlalchemy.exc.SQLAlchemyError: the database does not answer
    """
    if violated.kind != "unique":
        return []
    claims = list(_claims(attempts, violated))
    if not 0 < len(claims) <= _MOST:
        return []
    columns = claims[0][1]
    query = select(*columns).where(one_of(columns, {values for *_, values in claims}))
    seen: set[_Values] = {tuple(row) for row in await session.execute(query)}
    found = []
    for attempt, _, values in claims:
        if values in seen and not attempt.is_guarded:
            found.append(attempt)
        seen.add(values)
    return found


def _claims(
    attempts: Sequence[Attempt], violated: Constraint
) -> Iterator[tuple[Attempt, Sequence[Column[object]], _Values]]:
    """Give the values under the constraint that each attempt would write."""
    for attempt in attempts:
        resource = None if attempt.plan is None else attempt.plan.target
        if attempt.plan is None or resource is None or resource.table.name != violated.table:
            continue
        names = mapped(violated, [resource.table]).columns
        columns = [resource.table.columns[name] for name in names if name in resource.table.columns]
        for row in attempt.plan.written if columns else ():
            values = tuple(row.get(column.key) for column in columns)
            if all(isinstance(value, Hashable) and value is not None for value in values):
                yield attempt, columns, values
