"""`transaction`: several commands, all or nothing, later ones with values of earlier ones."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.property.reference.faults import Json, RefusedError, check, invalid
from tests.property.reference.limits import LIMITS
from tests.property.reference.state import State
from tests.property.reference.work import Work

Run = Callable[[Work, dict[str, Any]], dict[str, Any]]
_STATIC = frozenset({"invalid", "unknown_resource", "unknown_action", "limit_exceeded"})


def transaction(work: Work, commands: list[Json], run: Run) -> dict[str, Any]:
    check([] if commands else ["commands"])
    if len(commands) > LIMITS.commands:
        raise RefusedError("limit_exceeded", ("commands",))
    _check(commands, run)
    done: list[dict[str, Any]] = []
    known: dict[str, Json] = {}
    for index, command in enumerate(commands):
        try:
            result = _run(work, _resolved(_plain(command), known, ""), run)
        except RefusedError as error:
            raise error.below(f"commands.{index}") from None
        done.append(result)
        if "as" in command:
            known[command["as"]] = result["data"]
    return {"data": done}


def _run(work: Work, command: dict[str, Any], run: Run) -> dict[str, Any]:
    head: dict[str, Any] = {name: command[name] for name in ("resource", "action") if name in command}
    return {"status": "ok", **head, **run(work, command)}


def _check(commands: list[Json], run: Run) -> None:
    """Find the faults that do not depend on rows: they are reported before anything runs."""
    faults: list[RefusedError] = []
    names: set[str] = set()
    for index, command in enumerate(commands):
        try:
            _check_command(command, names, run)
        except RefusedError as error:
            if error.code in _STATIC:
                faults.append(error.below(f"commands.{index}"))
    if faults:
        faults[0].instead = frozenset(code for fault in faults for code in (fault.code, *fault.instead))
        faults[0].paths = tuple(path for fault in faults for path in fault.paths)
        raise faults[0]


def _check_command(command: Json, names: set[str], run: Run) -> None:
    if not isinstance(command, dict):
        raise invalid("")
    name = command.get("as")
    if "as" in command and (not isinstance(name, str) or not name or name in names):
        raise invalid("as")
    if command.get("action") == "transaction" or "dry_run" in command:
        raise invalid("action" if command.get("action") == "transaction" else "dry_run")
    if not isinstance(command.get("action"), str):
        raise invalid("action")
    references = list(_references(command))
    check([path for path, _ in references if path in ("action", "resource")])
    check([path for path, reference in references if str(reference).partition(".")[0] not in names])
    if isinstance(name, str):
        # Later commands may refer to it, whether it succeeds or not.
        names.add(name)
    if not references:
        run(Work(State()), _plain(command))


def _plain(command: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in command.items() if name != "as"}


def _references(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and "$ref" in value:
        yield path, value["$ref"]
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _references(item, f"{path}.{name}".strip("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, f"{path}.{index}".strip("."))


def _resolved(value: Json, known: dict[str, Json], path: str) -> Json:
    if isinstance(value, list):
        return [_resolved(item, known, f"{path}.{index}".strip(".")) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _referred(value["$ref"], known, path)
    return {name: _resolved(item, known, f"{path}.{name}".strip(".")) for name, item in value.items()}


def _referred(reference: Json, known: dict[str, Json], path: str) -> Json:
    name, *steps = str(reference).split(".")
    value = known[name]
    for step in steps:
        try:
            value = value[_index(step)] if isinstance(value, list) else value[step]
        except (LookupError, TypeError):
            raise invalid(path) from None
    return value


def _index(step: str) -> int:
    if not step.isascii() or not step.isdigit() or str(int(step)) != step:
        raise LookupError(step)
    return int(step)
