"""`transaction`: run several commands, all or nothing, with references to earlier results (`$ref`)."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crudmq.contract import codec, command
from crudmq.contract.command import Limits
from crudmq.contract.errors import CommandError, Detail, Invalid, LimitExceeded, at
from crudmq.execution.actions.plan import Plan, Savepoint
from crudmq.execution.changes import Result
from crudmq.execution.error_mapping import raising_command_errors
from crudmq.execution.unit_of_work import UnitOfWork
from crudmq.resources.resource import Key, Resource

_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_LITERAL = frozenset(("action", "resource"))
"""The fields that determine how a command is checked, before the results that it refers to are known."""


def find_references(value: object, path: str = "") -> list[tuple[str, object]]:
    """Return the paths of the references in a value, with their targets."""
    if isinstance(value, dict):
        if _is_reference(value):
            return [(path, value["$ref"])]
        return [reference for name, inner in value.items() for reference in find_references(inner, at(path, name))]
    if isinstance(value, list):
        return [reference for index, inner in enumerate(value) for reference in find_references(inner, at(path, index))]
    return []


def resolve_references(message: dict[str, Any], results: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """Return a command with its references replaced by values of earlier results.

    :param results: the `data` of earlier commands, by their `as`
    :raises Invalid: a reference does not resolve to a value
    :raises LimitExceeded: the resolved command exceeds the size or nesting limit of a message
    """
    resolved: dict[str, Any] = _Resolver(results, max_bytes).resolve(message, "")
    codec.check_depth(resolved)
    return resolved


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"$ref"}


@dataclass(slots=True)
class _Resolver:
    results: Mapping[str, Any]
    bytes_left: int

    def resolve(self, value: Any, path: str) -> Any:  # noqa: ANN401 - JSON is any value
        if isinstance(value, list):
            return [self.resolve(inner, at(path, index)) for index, inner in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if not _is_reference(value):
            return {name: self.resolve(inner, at(path, name)) for name, inner in value.items()}
        target = self._follow(value["$ref"], path)
        self.bytes_left -= len(codec.encode(target))
        if self.bytes_left < 0:
            fault = Detail(path, "exceeds the size limit of a message")
            raise LimitExceeded("the resolved references exceed a limit", [fault])
        return target

    def _follow(self, reference: str, path: str) -> Any:  # noqa: ANN401 - JSON is any value
        target: Any = self.results
        for step in reference.split("."):
            try:
                target = target[_index(step)] if isinstance(target, list) else target[step]
            except (LookupError, TypeError):
                fault = Detail(path, "does not resolve to a value of an earlier result")
                raise Invalid("the command is not valid", [fault]) from None
        return target


def _index(step: str) -> int:
    if not _INDEX.fullmatch(step):
        raise LookupError(step)
    return int(step)


Planner = Callable[[dict[str, Any]], Plan]


@dataclass(frozen=True)
class _Step:
    """A command of a transaction. A command with references is planned once the results they name are known."""

    message: dict[str, Any]
    name: str | None
    path: str
    plan: Plan | None


@dataclass(frozen=True)
class Transaction(Plan):
    """Commands to run, validated as far as they do not depend on each other's results."""

    steps: list[_Step]
    planner: Planner
    max_bytes: int

    @property
    def keys(self) -> Sequence[tuple[Resource, Key]]:
        """Return the keys that are known before the first command runs."""
        return [key for step in self.steps if step.plan is not None for key in step.plan.keys]

    @property
    def savepoint(self) -> Savepoint:  # type: ignore[override]
        """Return `ALWAYS` if one of its commands is a call."""
        calls = any(step.message.get("action") == "call" for step in self.steps)
        return Savepoint.ALWAYS if calls else Savepoint.ON_FAILURE

    async def run(self, uow: UnitOfWork) -> Result:
        """Run the commands in order.

        :raises CommandError: the error of the first command that fails, with details below its path
        """
        steps: list[tuple[_Step, Result]] = []
        results: dict[str, Any] = {}
        for step in self.steps:
            try:
                result = await self._run(step, uow, results)
            except CommandError as error:
                raise error.within(step.path) from error
            if step.name is not None:
                await uow.flush()
                results[step.name] = result.data()
            steps.append((step, result))
        return Result(
            lambda: [_result(step, result) for step, result in steps],
            [change for _, result in steps for change in result.changes],
            custom_events=[event for _, result in steps for event in result.custom_events],
        )

    async def _run(self, step: _Step, uow: UnitOfWork, results: Mapping[str, Any]) -> Result:
        plan = step.plan or self.planner(resolve_references(step.message, results, self.max_bytes))
        if not uow.in_savepoint:
            return await plan.run(uow)
        # Flushed after each command, so that a database error belongs to a known command.
        with raising_command_errors(plan):
            result = await plan.run(uow)
            await uow.flush()
        return result


def _result(step: _Step, result: Result) -> dict[str, Any]:
    subject: dict[str, Any] = {name: step.message[name] for name in ("resource", "action") if name in step.message}
    return {"status": "ok", **subject, "data": result.data(), **result.extra}


def plan(request: command.Transaction, planner: Planner, limits: Limits) -> Transaction:
    """Validate a command.

    :raises LimitExceeded: too many commands
    :raises CommandError: the error of the first command that is not valid, with details below its path
    """
    if len(request.commands) > limits.max_commands:
        fault = Detail("commands", f"exceeds the limit of {limits.max_commands} commands")
        raise LimitExceeded(f"a transaction has at most {limits.max_commands} commands", [fault])
    if not request.commands:
        raise Invalid("the command is not valid", [Detail("commands", "is empty")])
    steps: list[_Step] = []
    for index, message in enumerate(request.commands):
        path = at("commands", index)
        try:
            steps.append(_plan_step(message, path, planner, {step.name for step in steps}))
        except CommandError as error:
            raise error.within(path) from error
    return Transaction(steps, planner, limits.max_bytes)


def _plan_step(message: object, path: str, planner: Planner, earlier: set[str | None]) -> _Step:
    if not isinstance(message, dict):
        raise Invalid("the command is not valid", [Detail("", "is not an object")])
    content = {name: value for name, value in message.items() if name != "as"}
    references = find_references(content)
    faults = [*_subject_faults(message, earlier), *_reference_faults(references, earlier)]
    if faults:
        raise Invalid("the command is not valid", faults)
    return _Step(content, message.get("as"), path, None if references else planner(content))


def _subject_faults(message: dict[str, Any], earlier: set[str | None]) -> Iterator[Detail]:
    if "dry_run" in message:
        yield Detail("dry_run", "is not allowed inside a transaction")
    action, name = message.get("action"), message.get("as")
    if action == "transaction":
        yield Detail("action", "is not allowed inside a transaction")
    if "action" not in message:
        yield Detail("action", "is required")
    elif not isinstance(action, str) and not _is_reference(action):
        yield Detail("action", "is not a string")
    if "as" in message and (not isinstance(name, str) or not name or "." in name or name in earlier):
        yield Detail("as", "is not a unique name without dots")


def _reference_faults(references: list[tuple[str, object]], earlier: set[str | None]) -> Iterator[Detail]:
    for path, target in references:
        if path in _LITERAL:
            yield Detail(path, "must not be a reference")
        elif not isinstance(target, str) or target.partition(".")[0] not in earlier:
            yield Detail(path, "does not refer to an earlier command")
