"""`call`: a statement that the operator registered."""

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import CursorResult

from service.contract import command
from service.contract.errors import Detail, Invalid, LimitExceeded
from service.contract.limits import Limits
from service.execution.actions.plan import Plan
from service.execution.change import Answer, Declared
from service.execution.rows import Rows
from service.resources.registry import Registry
from service.resources.statements import Statement, dump


@dataclass(frozen=True)
class Call(Plan):
    """A statement to run, its parameters checked."""

    statement: Statement
    params: dict[str, Any]
    most: int
    runs_beside: bool
    is_atomic = True
    is_opaque = True

    @classmethod
    def plan(cls, wanted: command.Call, registered: Registry, limits: Limits) -> Self:
        """Check the parameters.

        :raises Invalid: there is no such statement, or with the faults
        """
        statement = registered.statement(wanted.name)
        if statement is None:
            raise Invalid("the command is not valid", [Detail("name", "is not a named statement")])
        return cls(statement, statement.load(wanted.params), limits.max_page, runs_beside=not statement.writes)

    async def run(self, rows: Rows) -> Answer:
        """Run it.

        :raises LimitExceeded: it gives more rows than a page has
        """
        await rows.flush()
        result = await rows.session.execute(self.statement.sql, self.params)
        # It may have changed anything.
        rows.forget()
        if self.statement.returns == "rowcount":
            assert isinstance(result, CursorResult)  # noqa: S101 - what statements give
            data: Any = {"rowcount": result.rowcount}
            count = result.rowcount
        else:
            names = list(result.keys())
            found = result.fetchmany(self.most + 1)
            if len(found) > self.most:
                raise LimitExceeded(f"the statement gives more than {self.most} rows")
            data = [{name: dump(value) for name, value in zip(names, one, strict=True)} for one in found]
            count = len(data)
        declared = self.statement.event
        events = [] if declared is None else [Declared(declared, {"call": self.statement.name, "rowcount": count})]
        return Answer(lambda: data, declared=events)
