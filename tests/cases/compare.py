"""Whether what came is what a case says."""

from collections.abc import Sequence
from typing import Any

from tests.cases.case import Said


def compare(said: Said, result: dict[str, Any], events: Sequence[dict[str, Any]]) -> None:
    """Compare a result, and the events after it, with what a case says."""
    error = result.get("error")
    told = f"{said.command} → {result}"
    assert (None if error is None else error["code"]) == said.error, told
    if said.data is not None:
        assert result["data"] == said.data, told
    if said.paths is not None:
        assert error is not None
        assert tuple(one["path"] for one in error.get("details", [])) == said.paths, told
    for name, value in said.beside.items():
        assert result.get(name) == value, told
    if said.events is not None:
        assert tuple(f"{one['type']} {one.get('subject')}" for one in events) == said.events, told
