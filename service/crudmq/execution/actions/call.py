"""`call`: run a statement that the operator registered."""

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import CursorResult

from crudmq.contract import command
from crudmq.contract.command import Limits
from crudmq.contract.errors import Detail, Invalid, LimitExceeded
from crudmq.execution.actions.plan import Plan, Savepoint
from crudmq.execution.changes import CustomEvent, Result
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.registry import Registry
from crudmq.resources.statements import Statement
from crudmq.resources.types.columns import dump


@dataclass(frozen=True)
class Call(Plan):
    """A statement to run, with validated parameters."""

    statement: Statement
    params: dict[str, Any]
    max_rows: int
    is_deferred_read: bool
    savepoint = Savepoint.ALWAYS

    @classmethod
    def plan(cls, request: command.Call, registered: Registry, limits: Limits) -> Self:
        """Validate a command.

        :raises Invalid: the statement does not exist, or its parameters are not valid
        """
        statement = registered.statement(request.name)
        if statement is None:
            raise Invalid("the command is not valid", [Detail("name", "is not a registered statement")])
        return cls(statement, statement.load(request.params), limits.max_page, is_deferred_read=not statement.writes)

    async def run(self, uow: UnitOfWork) -> Result:
        """Run the statement.

        :raises LimitExceeded: it returns more rows than a page may have
        """
        result = await uow.execute(self.statement.sql, self.params)
        # The statement may have changed any row.
        uow.expire_all()
        if self.statement.returns == "rowcount":
            assert isinstance(result, CursorResult)  # noqa: S101 - SQLAlchemy returns it for text
            data: Any = {"rowcount": result.rowcount}
            count = result.rowcount
        else:
            names = list(result.keys())
            rows = result.fetchmany(self.max_rows + 1)
            if len(rows) > self.max_rows:
                raise LimitExceeded(f"the statement returns more than {self.max_rows} rows")
            data = [{name: dump(value) for name, value in zip(names, row, strict=True)} for row in rows]
            count = len(data)
        event_type = self.statement.event
        events = (
            [] if event_type is None else [CustomEvent(event_type, {"call": self.statement.name, "rowcount": count})]
        )
        return Result(lambda: data, custom_events=events)
