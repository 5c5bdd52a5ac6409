"""`call`: the registered statements of the tests."""

from collections.abc import Callable
from typing import Any

from tests.property.reference.data import dump
from tests.property.reference.faults import Json, check, invalid
from tests.property.reference.schema import PAIRS, PARTS
from tests.property.reference.value_types import NUMBER, WrongError
from tests.property.reference.work import Work


def _large_parts(work: Work, params: dict[str, int]) -> dict[str, Any]:
    rows = [row for row in work.state.all(PARTS) if row["size"] is not None and row["size"] >= params["low"]]
    return {"data": [dump(PARTS, row, ["id", "label"]) for row in rows]}


def _grow(work: Work, params: dict[str, int]) -> dict[str, Any]:
    rows = [row for row in work.state.all(PAIRS) if row["value"] is not None and row["value"] >= params["low"]]
    for row in rows:
        work.state.replace(PAIRS, {**row, "value": row["value"] + params["by"]})
    work.events.append({"type": "pairs.grown", "data": {"call": "grow", "rowcount": len(rows)}})
    return {"data": {"rowcount": len(rows)}}


_Statement = Callable[[Work, dict[str, int]], dict[str, Any]]
_STATEMENTS: dict[str, tuple[_Statement, frozenset[str]]] = {
    "large_parts": (_large_parts, frozenset({"low"})),
    "grow": (_grow, frozenset({"low", "by"})),
}


def reads(command: dict[str, Json]) -> bool:
    """Return whether a call only reads."""
    return command.get("name") == "large_parts"


def call(work: Work, command: dict[str, Json]) -> dict[str, Any]:
    if command["name"] not in _STATEMENTS:
        raise invalid("name")
    run, wanted = _STATEMENTS[command["name"]]
    params = command.get("params", {})
    faults = [f"params.{name}" for name in wanted ^ params.keys()]
    for name in wanted & params.keys():
        try:
            NUMBER.load(params[name])
        except WrongError:
            faults.append(f"params.{name}")
    check(faults)
    return run(work, params)
