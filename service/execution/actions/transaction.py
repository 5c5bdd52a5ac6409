"""`transaction`: several commands, all or nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.contract import command
from service.contract.errors import CommandError, Detail, Invalid, LimitExceeded
from service.contract.limits import Limits
from service.contract.path import at
from service.execution.actions.plan import Plan
from service.execution.actions.references import references, resolved
from service.execution.blame import blamed
from service.execution.change import Answer
from service.execution.rows import Rows
from service.resources.resource import Key, Resource

Planner = Callable[[dict[str, Any]], Plan]


@dataclass(frozen=True)
class _Step:
    """A command of a transaction. One that refers to others is planned when their results are known."""

    message: dict[str, Any]
    name: str | None
    path: str
    plan: Plan | None


@dataclass(frozen=True)
class Transaction(Plan):
    """Commands to run, checked as far as they do not depend on each other."""

    steps: list[_Step]
    planner: Planner
    max_bytes: int
    is_atomic = True

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Name the rows that are known before anything ran."""
        return [key for step in self.steps if step.plan is not None for key in step.plan.keys]

    @property
    def is_opaque(self) -> bool:  # type: ignore[override]
        """Tell whether one of them is a named statement."""
        return any(step.message.get("action") == "call" for step in self.steps)

    async def run(self, rows: Rows) -> Answer:
        """Run them in their order.

        :raises CommandError: of the first that cannot be done; its details say which
        """
        answers: list[Answer] = []
        named: dict[str, Any] = {}
        for step in self.steps:
            try:
                answer = await self._run(step, rows, named)
            except CommandError as error:
                raise error.within(step.path) from error
            if step.name is not None:
                await rows.flush()
                named[step.name] = answer.data()
            answers.append(answer)
        return Answer(
            lambda: [_result(step, answer) for step, answer in zip(self.steps, answers, strict=True)],
            [change for answer in answers for change in answer.changes],
            declared=[one for answer in answers for one in answer.declared],
        )

    async def _run(self, step: _Step, rows: Rows, named: Mapping[str, Any]) -> Answer:
        plan = step.plan or self.planner(resolved(step.message, named, self.max_bytes))
        if not rows.is_guarded:
            return await plan.run(rows)
        # Written at once, so that it is known which of them is refused.
        with blamed(plan.target):
            answer = await plan.run(rows)
            await rows.flush()
        return answer


def _result(step: _Step, answer: Answer) -> dict[str, Any]:
    words: dict[str, Any] = {name: step.message[name] for name in ("resource", "action") if name in step.message}
    return {"status": "ok", **words, "data": answer.data(), **answer.beside}


def plan(wanted: command.Transaction, planner: Planner, limits: Limits) -> Transaction:
    """Check the commands.

    :raises LimitExceeded: too many
    :raises CommandError: of the first that is faulty; its details say which
    """
    if len(wanted.commands) > limits.max_commands:
        message = f"a transaction has at most {limits.max_commands} commands"
        raise LimitExceeded(message, [Detail("commands", f"has more than {limits.max_commands}")])
    if not wanted.commands:
        raise Invalid("the command is not valid", [Detail("commands", "is empty")])
    steps: list[_Step] = []
    for index, message in enumerate(wanted.commands):
        path = at("commands", index)
        try:
            steps.append(_step(message, path, planner, {step.name for step in steps}))
        except CommandError as error:
            raise error.within(path) from error
    return Transaction(steps, planner, limits.max_bytes)


def _step(message: object, path: str, planner: Planner, before: set[str | None]) -> _Step:
    if not isinstance(message, dict):
        raise Invalid("the command is not valid", [Detail("", "is not an object")])
    rest = {name: value for name, value in message.items() if name != "as"}
    name = message.get("as")
    faults = [
        Detail(one, "does not stand in a transaction")
        for one, is_there in (("dry_run", "dry_run" in rest), ("action", rest.get("action") == "transaction"))
        if is_there
    ]
    if not isinstance(rest.get("action"), str):
        faults.append(Detail("action", "is required"))
    if "as" in message and (not isinstance(name, str) or not name or "." in name or name in before):
        faults.append(Detail("as", "is not a name of its own, without dots"))
    found = references(rest)
    faults += [
        Detail(where, "is not a reference to an earlier command")
        for where, reference in found
        if not isinstance(reference, str) or reference.partition(".")[0] not in before
    ]
    if faults:
        raise Invalid("the command is not valid", faults)
    return _Step(rest, name, path, None if found else planner(rest))
