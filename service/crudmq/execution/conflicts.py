"""Finds the jobs of a failed group that may violate a unique constraint.

Halving the group finds them as well, but takes many transactions. Querying the values that the jobs write takes one
query. The result is a heuristic that only improves the next attempt.
"""

from collections.abc import Hashable, Iterator, Sequence

from sqlalchemy import Column, select
from sqlalchemy.ext.asyncio import AsyncSession

from crudmq.execution.job import Job
from crudmq.execution.query.keys import one_of
from crudmq.storage.constraints import Constraint, as_mapped

_Values = tuple[object, ...]
_MAX_CLAIMS = 1000


async def find_conflicting_jobs(session: AsyncSession, jobs: Sequence[Job], violated: Constraint) -> frozenset[Job]:
    """Return the jobs that write values of another row or of an earlier job; none if that cannot be determined.

    :raises sqlalchemy.exc.SQLAlchemyError: the query failed
    """
    if violated.kind != "unique":
        return frozenset()
    claims = list(_claims(jobs, violated))
    if not 0 < len(claims) <= _MAX_CLAIMS:
        return frozenset()
    columns = claims[0][1]
    query = select(*columns).where(one_of(columns, {values for *_, values in claims}))
    taken: set[_Values] = {tuple(row) for row in await session.execute(query)}
    conflicting = set()
    for job, _, values in claims:
        if values in taken:
            conflicting.add(job)
        taken.add(values)
    return frozenset(conflicting)


def _claims(jobs: Sequence[Job], violated: Constraint) -> Iterator[tuple[Job, Sequence[Column[object]], _Values]]:
    """Return the values that each job would write to the columns of the constraint."""
    for job in jobs:
        resource = None if job.plan is None else job.plan.target
        if job.plan is None or resource is None or resource.table.name != violated.table:
            continue
        names = as_mapped(violated, [resource.table]).columns
        columns = [resource.table.columns[name] for name in names if name in resource.table.columns]
        for row in job.plan.written if columns else ():
            values = tuple(row.get(column.key) for column in columns)
            if all(isinstance(value, Hashable) and value is not None for value in values):
                yield job, columns, values
