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
            found = _run(work, _resolved(_plain(command), known, ""), run)
        except RefusedError as error:
            raise error.below(f"commands.{index}") from None
        done.append(found)
        if "as" in command:
            known[command["as"]] = found["data"]
    return {"data": done}


def _run(work: Work, command: dict[str, Any], run: Run) -> dict[str, Any]:
    head: dict[str, Any] = {name: command[name] for name in ("resource", "action") if name in command}
    return {"status": "ok", **head, **run(work, command)}


def _check(commands: list[Json], run: Run) -> None:
    """Find what is wrong with a command whatever the rows are: that is told before anything runs."""
    faults: list[RefusedError] = []
    named: set[str] = set()
    for index, command in enumerate(commands):
        try:
            _check_one(command, named, run)
        except RefusedError as error:
            if error.code in _STATIC:
                faults.append(error.below(f"commands.{index}"))
    if faults:
        faults[0].instead = frozenset(code for fault in faults for code in (fault.code, *fault.instead))
        faults[0].paths = tuple(path for fault in faults for path in fault.paths)
        raise faults[0]


def _check_one(command: Json, named: set[str], run: Run) -> None:
    if not isinstance(command, dict):
        raise invalid("")
    name = command.get("as")
    if "as" in command and (not isinstance(name, str) or not name or name in named):
        raise invalid("as")
    if command.get("action") == "transaction" or "dry_run" in command:
        raise invalid("action" if command.get("action") == "transaction" else "dry_run")
    if not isinstance(command.get("action"), str):
        raise invalid("action")
    references = list(_references(command))
    check([path for path, reference in references if str(reference).partition(".")[0] not in named])
    if isinstance(name, str):
        # Whether it will be done is another matter: later ones may refer to it.
        named.add(name)
    if not references:
        run(Work(State()), _plain(command))


def _plain(command: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in command.items() if name != "as"}


def _references(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and "$ref" in value:
        yield path, value["$ref"]
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _references(one, f"{path}.{name}".strip("."))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _references(one, f"{path}.{index}".strip("."))


def _resolved(value: Json, known: dict[str, Json], path: str) -> Json:
    if isinstance(value, list):
        return [_resolved(one, known, f"{path}.{index}".strip(".")) for index, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _referred(value["$ref"], known, path)
    return {name: _resolved(one, known, f"{path}.{name}".strip(".")) for name, one in value.items()}


def _referred(reference: Json, known: dict[str, Json], path: str) -> Json:
    name, *steps = str(reference).split(".")
    found = known[name]
    for step in steps:
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (LookupError, TypeError, ValueError):
            raise invalid(path) from None
    return found
