"""Whether what came is what a case says."""

from collections.abc import Sequence
from typing import Any

from tests.cases.case import Said


def compare(said: Said, result: dict[str, Any], events: Sequence[dict[str, Any]]) -> None:
    """Compare a result, and the events after it, with what a case says."""
    error = result.get("error")
    context = f"{said.command} → {result}"
    assert (None if error is None else error["code"]) == said.error, context
    if said.data is not None:
        assert result["data"] == said.data, context
    if said.paths is not None:
        assert error is not None
        assert tuple(detail["path"] for detail in error.get("details", [])) == said.paths, context
    for name, value in said.extra.items():
        assert result.get(name) == value, context
    if said.events is not None:
        assert tuple(f"{event['type']} {event.get('subject')}" for event in events) == said.events, context
